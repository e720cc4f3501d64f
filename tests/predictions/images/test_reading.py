"""What is read from an image, what is shown of it, and what is refused."""

import struct
from pathlib import Path

import pytest
from PIL import Image, TiffImagePlugin

from predictions.images import reading
from predictions.images.errors import ImageRefusedError
from tests.data import TEST_DATA, needs_test_data
from tests.predictions.images.pictures import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    corners,
    encoded,
    is_near,
    pixels,
    png_declaring,
    quarters,
    read,
)

ORIENTATION, COMMENT, RESOLUTION_UNIT = 274, 270, 296
UPRIGHT = [RED, GREEN, BLUE, WHITE]
# What a camera stores for each EXIF orientation of the upright picture.
STORED_FOR = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def refusal(path: Path) -> ImageRefusedError:
    with pytest.raises(ImageRefusedError) as caught:
        read(path)
    return caught.value


@pytest.mark.parametrize(
    ("image_format", "options"),
    [
        ("PNG", {}),
        ("JPEG", {"quality": 95}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg"}),
        ("TIFF", {"big_tiff": True}),
    ],
)
def test_a_plain_picture_is_read_in_each_format(
    tmp_path: Path, image_format: str, options: dict[str, object]
) -> None:
    path = tmp_path / "picture"
    quarters((120, 96)).save(path, image_format, **options)

    found = read(path)

    assert found.facts.format == image_format
    assert (found.facts.width_px, found.facts.height_px) == (120, 96)
    assert found.facts.pages == 1
    assert found.facts.size_bytes == path.stat().st_size
    for seen in (found.display, pixels(path)):
        assert is_near(corners(seen)[0], RED)


def test_tiles_are_the_pixels_of_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "noise.png"
    noise = Image.merge("RGB", [Image.effect_noise((200, 150), 80) for _ in range(3)])
    noise.save(path)
    boxes = [(0, 0, 64), (136, 0, 64), (7, 86, 64)]

    batches = list(
        reading.read_tiles(path, size_px=(200, 150), boxes=boxes, side_px=64, batch=2)
    )

    assert [len(batch) for batch in batches] == [2 * 64 * 64 * 3, 64 * 64 * 3]
    expected = [noise.crop((x, y, x + 64, y + 64)).tobytes() for x, y, _ in boxes]
    assert b"".join(batches) == b"".join(expected)


def test_resampling_keeps_the_mean_and_does_not_alias(tmp_path: Path) -> None:
    path = tmp_path / "stripes.png"
    stripes = Image.new("L", (512, 512), 0)
    for column in range(0, 512, 2):
        stripes.paste(200, (column, 0, column + 1, 512))
    stripes.save(path)

    seen = pixels(path, size_px=(100, 100)).convert("L").crop((10, 10, 90, 90))

    low, high = seen.getextrema()
    assert isinstance(low, (int, float))
    assert isinstance(high, (int, float))
    assert low >= 96
    assert high <= 104


def test_a_tile_outside_the_picture_is_a_programming_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not in"):
        reading.read_tiles(
            tmp_path, size_px=(100, 100), boxes=[(37, 0, 64)], side_px=64, batch=1
        )


def test_copies_to_show_are_small_enough_and_in_proportion(tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    quarters((3000, 1000)).save(path)

    found = read(path)

    assert (found.display.format, found.display.size) == ("JPEG", (2048, 683))
    assert (found.thumbnail.format, found.thumbnail.size) == ("JPEG", (320, 107))


def test_copies_to_show_carry_no_metadata(tmp_path: Path) -> None:
    path = tmp_path / "named.jpg"
    exif = Image.Exif()
    exif[COMMENT] = "Jane Doe"
    quarters().save(
        path, exif=exif, comment=b"Jane Doe", icc_profile=b"Jane Doe", dpi=(300, 300)
    )
    path.write_bytes(path.read_bytes() + b"<script>Jane Doe</script>")

    found = read(path)

    for copy in (".display", ".thumb"):
        assert b"Jane Doe" not in path.with_suffix(copy).read_bytes()
    assert not found.display.getexif()
    assert set(found.display.info) <= {
        "jfif",
        "jfif_version",
        "jfif_unit",
        "jfif_density",
    }


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", [1, *STORED_FOR])
def test_a_turned_picture_is_put_upright(
    tmp_path: Path, image_format: str, orientation: int
) -> None:
    path = tmp_path / "turned"
    stored = quarters((128, 96))
    if orientation in STORED_FOR:
        stored = stored.transpose(STORED_FOR[orientation])
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored.save(path, image_format, exif=exif)

    found = read(path)

    assert (found.facts.width_px, found.facts.height_px) == (128, 96)
    assert found.display.size == (128, 96)
    for seen in (found.display, pixels(path, size_px=(96, 96))):
        assert all(map(is_near, corners(seen), UPRIGHT))


def test_a_nonsensical_orientation_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[ORIENTATION] = 99
    quarters().save(path, exif=exif)

    assert all(map(is_near, corners(read(path).display), UPRIGHT))


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_clipped(
    tmp_path: Path, image_format: str
) -> None:
    path = tmp_path / "grey"
    wide = Image.new("I;16", (96, 96), 0)
    for step in range(4):
        wide.paste(step * 21845, (step * 24, 0, step * 24 + 24, 96))
    wide.save(path, image_format)

    seen = pixels(path)

    assert [seen.getpixel((step * 24 + 12, 48)) for step in range(4)] == [
        (0, 0, 0),
        (85, 85, 85),
        (170, 170, 170),
        (255, 255, 255),
    ]


def test_white_is_zero_in_sixteen_bits_is_turned(tmp_path: Path) -> None:
    path = tmp_path / "negative.tif"
    Image.new("I;16", (96, 96), 65535).save(path, tiffinfo={262: 0})

    assert pixels(path).getpixel((48, 48)) == (0, 0, 0)


def test_thirty_two_bit_files_with_sixteen_bit_values_are_not_black(
    tmp_path: Path,
) -> None:
    path = tmp_path / "grey32.tif"
    Image.new("I", (96, 96), 32768).save(path)

    assert pixels(path).getpixel((48, 48)) == (128, 128, 128)


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    path = tmp_path / "print.tif"
    Image.new("CMYK", (96, 96), (0, 255, 255, 0)).save(path)

    found = read(path)

    assert found.facts.mode == "CMYK"
    assert is_near(corners(found.display)[0], (255, 0, 0))


def test_a_palette_becomes_its_colours(tmp_path: Path) -> None:
    path = tmp_path / "palette.png"
    quarters().quantize(8).save(path)

    assert all(map(is_near, corners(pixels(path)), UPRIGHT))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_see_through_parts_lie_on_white(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "glass.png"
    glass = Image.new(mode, (96, 96), (0, 0) if mode == "LA" else (0, 0, 0, 0))
    half = (0, 128) if mode == "LA" else (0, 0, 0, 128)
    glass.paste(half, (0, 0, 48, 96))
    glass.save(path)

    seen = pixels(path)

    assert seen.getpixel((72, 48)) == (255, 255, 255)
    assert seen.getpixel((24, 48)) == (127, 127, 127)


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_colour_marked_see_through_lies_on_white(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "marked.png"
    picture = Image.new(mode, (96, 96), 0)
    picture.save(path, transparency=(0, 0, 0) if mode == "RGB" else 0)

    assert pixels(path).getpixel((48, 48)) == (255, 255, 255)


def test_one_bit_is_black_or_white(tmp_path: Path) -> None:
    path = tmp_path / "bilevel.png"
    picture = Image.new("1", (96, 96), 0)
    picture.paste(1, (48, 0, 96, 96))
    picture.save(path)

    seen = pixels(path)

    assert seen.getpixel((24, 48)) == (0, 0, 0)
    assert seen.getpixel((72, 48)) == (255, 255, 255)


@pytest.mark.parametrize("value", [0.5, float("nan"), float("inf")])
def test_floating_point_pixels_are_refused(tmp_path: Path, value: float) -> None:
    path = tmp_path / "float.tif"
    Image.new("F", (96, 96), value).save(path)

    assert (refusal(path).status, refusal(path).code) == (422, "float_pixels")


def test_lab_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lab.tif"
    Image.new("LAB", (96, 96)).save(path)

    assert (refusal(path).status, refusal(path).code) == (422, "colour_space")


def test_an_animation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    frames = [quarters(), quarters().rotate(90)]
    frames[0].save(path, save_all=True, append_images=frames[1:])

    assert (refusal(path).status, refusal(path).code) == (422, "animated")


def test_a_stack_of_pages_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    quarters().save(path, save_all=True, append_images=[quarters(), quarters()])

    assert (refusal(path).status, refusal(path).code) == (422, "several_pages")


def test_of_a_pyramid_the_first_level_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pyramid.tif"
    levels = [quarters((side, side)) for side in (257, 128, 64)]
    levels[0].save(path, save_all=True, append_images=levels[1:])

    found = read(path)

    assert (found.facts.pages, found.facts.width_px) == (3, 257)


def test_a_chain_of_pages_that_bites_its_tail_ends(tmp_path: Path) -> None:
    path = tmp_path / "loop.tif"
    quarters().save(path, compression=None)
    content = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, first)
    struct.pack_into("<I", content, first + 2 + 12 * count, first)
    path.write_bytes(content)

    assert read(path).facts.pages == 1


def test_too_many_pixels_are_refused_by_the_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_declaring(10_000, 5_001))

    assert (refusal(path).status, refusal(path).code) == (413, "too_many_pixels")


def test_fifty_megapixels_fit_into_the_memory_of_the_child(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    size = (8000, 6250)
    Image.new("RGBA", size, (200, 40, 40, 128)).save(path, compress_level=1)

    found = read(path)

    assert (found.facts.width_px, found.facts.height_px) == size
    assert is_near(corners(found.display)[0], (227, 147, 147))


def test_too_many_bytes_are_refused_unopened(tmp_path: Path) -> None:
    path = tmp_path / "heavy.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    with path.open("r+b") as file:
        file.truncate(reading.MAX_BYTES + 1)

    assert (refusal(path).status, refusal(path).code) == (413, "file_too_large")


@pytest.mark.parametrize(
    "content", [b"GIF89a", b"BM", b"<svg", b"%PDF", b"%!PS", b"RIFF....WEBP", b"x"]
)
def test_another_format_is_refused_unopened(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)

    assert (refusal(path).status, refusal(path).code) == (415, "unknown_format")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()

    assert (refusal(path).status, refusal(path).code) == (422, "empty")


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(
    tmp_path: Path, image_format: str, share: float
) -> None:
    path = tmp_path / "cut"
    noise = Image.merge("RGB", [Image.effect_noise((96, 96), 80) for _ in range(3)])
    content = encoded(noise, image_format)
    path.write_bytes(content[: max(9, int(len(content) * share))])

    assert (refusal(path).status, refusal(path).code) == (422, "broken")


def test_a_jpeg_with_a_second_picture_is_its_first(tmp_path: Path) -> None:
    path = tmp_path / "stereo.jpg"
    quarters().save(
        path, "MPO", save_all=True, append_images=[Image.new("RGB", (96, 96))]
    )

    found = read(path)

    assert found.facts.pages == 1
    assert all(map(is_near, corners(found.display), UPRIGHT))


def test_a_plausible_resolution_is_told_as_spacing(tmp_path: Path) -> None:
    path = tmp_path / "scanned.tif"
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[RESOLUTION_UNIT] = 3  # Pixels in a centimetre
    quarters().save(path, tiffinfo=info, resolution=20_000)

    assert read(path).facts.spacing_um == pytest.approx(0.5, rel=1e-3)


def test_a_resolution_for_paper_is_no_spacing(tmp_path: Path) -> None:
    path = tmp_path / "printed.png"
    quarters().save(path, dpi=(300, 300))

    assert read(path).facts.spacing_um is None


@needs_test_data("ucsb")
def test_fields_from_a_microscope_are_read() -> None:
    paths = sorted((TEST_DATA / "ucsb").glob("*.tif"))

    assert len(paths) >= 24
    for path in paths[:4]:
        assert pixels(path).size == (768, 768)
