// The picture with zoom and pan, its scale, the heatmap over it, and the tiles in it.
"use strict";

const stage = document.getElementById("viewer");
const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
// predictions/images/heatmap.py: the heaviest place has this alpha, a lighter one less
// in proportion. A share in steps of half a per cent is a whole number of it.
const MOST_ALPHA = 200;
const LONGEST_BAR_PX = 140;

if (stage && window.OpenSeadragon) start();

function start() {
  const plain = stage.querySelector("img");
  const viewer = OpenSeadragon({
    element: stage,
    drawer: "canvas",
    tileSources: { type: "image", url: stage.dataset.display },
    showNavigationControl: false,
    overlayPreserveContentDirection: false, // The heatmap turns with what is under it.
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    animationTime: calm ? 0 : 0.6,
    visibilityRatio: 0.8,
    maxZoomPixelRatio: 6,
    minZoomImageRatio: 0.9,
  });
  viewer.addOnceHandler("open", () => {
    plain.hidden = true;
    document.getElementById("viewer-bar").hidden = false;
    viewer.canvas.setAttribute("role", "application");
    viewer.canvas.setAttribute(
      "aria-label",
      `${plain.alt}. Arrow keys move, plus and minus zoom, 0 shows it whole.`,
    );
    showScale(viewer);
    leaf(viewer);
    if (stage.dataset.heatmap) addHeatmap(viewer);
    offerTiles(viewer);
  });
  viewer.addOnceHandler("open-failed", () => {
    plain.hidden = false;
  });
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => {
      if (button.dataset.zoom === "home") viewer.viewport.goHome();
      else viewer.viewport.zoomBy(Number(button.dataset.zoom)).applyConstraints();
    });
  }
}

// The picture may be smaller than the image; tiles and spacing speak of the image's pixels.
function shownShare(shown) {
  return shown.getContentSize().x / Number(stage.dataset.widthPx);
}

function showScale(viewer) {
  const shown = viewer.world.getItemAt(0);
  const spacingUm = Number(stage.dataset.spacingUm);
  const bar = document.getElementById("scale-bar");
  const zoomSaid = document.getElementById("zoom-said");
  const update = () => {
    // Screen pixels (of CSS) for one pixel of the image.
    const zoom = shown.viewportToImageZoom(viewer.viewport.getZoom(true)) * shownShare(shown);
    zoomSaid.textContent = `${Number((100 * zoom).toPrecision(zoom < 0.1 ? 1 : 3))} %`;
    if (!bar || !spacingUm) return;
    const um = roundLength((LONGEST_BAR_PX * spacingUm) / zoom);
    bar.querySelector("svg").setAttribute("width", Math.round((um / spacingUm) * zoom));
    bar.querySelector("span").textContent = um >= 1000 ? `${um / 1000} mm` : `${um} µm`;
  };
  document.getElementById("viewer-scale").hidden = false;
  viewer.addHandler("update-viewport", update);
  viewer.addHandler("resize", update);
  update();
}

// The largest of 1, 2, 5, 10, 20, ... that is not longer.
function roundLength(longest) {
  const ten = 10 ** Math.floor(Math.log10(longest));
  const digit = [5, 2, 1].find((one) => one * ten <= longest);
  return Number((digit * ten).toPrecision(1));
}

// Only while the picture has the focus: elsewhere these keys turn the page.
function leaf(viewer) {
  const links = {
    PageUp: document.getElementById("previous"),
    PageDown: document.getElementById("next"),
  };
  viewer.canvas.addEventListener("keydown", (event) => {
    const link = links[event.key];
    if (!link) return;
    event.preventDefault();
    link.click();
  });
}

function addHeatmap(viewer) {
  const drawn = new Image();
  drawn.addEventListener("load", () => {
    const layer = document.createElement("canvas");
    layer.className = "heatmap-layer";
    layer.width = drawn.naturalWidth;
    layer.height = drawn.naturalHeight;
    const pen = layer.getContext("2d", { willReadFrequently: true });
    pen.drawImage(drawn, 0, 0);
    const all = pen.getImageData(0, 0, layer.width, layer.height);
    viewer.addOverlay({ element: layer, location: viewer.world.getItemAt(0).getBounds() });
    stage.dataset.layers = "2";
    follow("opacity", (share) => {
      layer.style.opacity = share;
    });
    follow("threshold", (share) => {
      pen.putImageData(hideBelow(all, share), 0, 0);
      const cut = document.getElementById("legend-cut");
      cut.style.width = `${100 * share}%`;
      cut.classList.toggle("is-nothing", share === 0);
    });
  });
  drawn.src = stage.dataset.heatmap;
}

// Calls back with the slider's share, 0 to 1, now and whenever it moves.
function follow(name, apply) {
  const slider = document.getElementById(name);
  const said = document.getElementById(`${name}-said`);
  const read = () => {
    said.textContent = `${slider.value} %`;
    apply(slider.value / 100);
  };
  slider.addEventListener("input", read);
  read();
}

// A copy without what weighs less than this share of the largest attention.
function hideBelow(all, share) {
  const kept = new ImageData(new Uint8ClampedArray(all.data), all.width, all.height);
  const least = Math.round(MOST_ALPHA * share);
  for (let at = 3; at < kept.data.length; at += 4) {
    if (kept.data[at] < least) kept.data[at] = 0;
  }
  return kept;
}

function offerTiles(viewer) {
  const shown = viewer.world.getItemAt(0);
  const ratio = shownShare(shown);
  const frame = document.createElement("div");
  frame.className = "tile-frame";
  for (const button of document.querySelectorAll("[data-side]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const [left, top, side] = [button.dataset.left, button.dataset.top, button.dataset.side].map(
        (px) => Number(px) * ratio,
      );
      const box = shown.imageToViewportRectangle(left, top, side, side);
      const around = shown.imageToViewportRectangle(left - side, top - side, 3 * side, 3 * side);
      viewer.removeOverlay(frame);
      viewer.addOverlay({ element: frame, location: box });
      viewer.viewport.fitBounds(around).applyConstraints();
      stage.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
    });
  }
}
