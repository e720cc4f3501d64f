import json

import pytest

from serving.contract import (
    AGGREGATE,
    EMBED,
    SERVING_DEFAULT,
    ContractError,
    ModelContract,
    SchemaError,
    decide,
    signatures,
)
from tests.serving.contracts import SMALL, small


def changed(**changes: object) -> str:
    return json.dumps({**json.loads(SMALL.to_json()), **changes})


def test_a_contract_survives_json() -> None:
    assert ModelContract.from_json(SMALL.to_json()) == SMALL
    assert ModelContract.from_json(SMALL.to_json().encode()) == SMALL


def test_the_same_contract_is_always_written_the_same() -> None:
    assert small().to_json() == SMALL.to_json()


def test_a_whole_number_is_taken_where_a_float_belongs() -> None:
    assert ModelContract.from_json(changed(spacing_max_um=1)).spacing_max_um == 1.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[]", "not a JSON object"),
        (changed(schema=1), "schema is 1, not 2"),
        (changed(extra=1), "missing or unknown: extra"),
        ('{"schema": 2, "name": "x"}', "missing or unknown: architecture"),
        (changed(tile_side_px="32"), "tile_side_px must be int"),
        (changed(tile_side_px=True), "tile_side_px must be int"),
        (changed(tile_side_px=32.0), "tile_side_px must be int"),
        (changed(spacing_um=None), "spacing_um must be float"),
        (changed(labels="benign"), "labels must be a list of strings"),
        (changed(labels=["malignant", "benign"]), "labels: benign, malignant"),
        (changed(name="../other"), "name must name a folder"),
        (changed(tile_stride_px=33), "tiles leave no gap"),
        (changed(tile_stride_px=0), "tile_stride_px"),
        (changed(spacing_min_um=0.6), "spacing: 0 <"),
        (changed(spacing_um=float("nan")), "spacing: 0 <"),
        (changed(spacing_max_um=float("inf")), "spacing: 0 <"),
        (changed(refer_low=0.7), "refer: 0 <="),
        (changed(tissue_min=1.5), "tissue_min"),
        (changed(max_tiles=0), "max_tiles"),
        (changed(embedding_dim=0), "embedding_dim"),
        (changed(tile_side_px=0), "tile_side_px"),
        (changed(architecture="classifier"), "architecture"),
    ],
)
def test_a_wrong_contract_is_refused_by_name_of_the_field(
    text: str, words: str
) -> None:
    with pytest.raises(ContractError, match=words):
        ModelContract.from_json(text)


def test_a_contract_of_another_release_is_told_from_a_wrong_one() -> None:
    with pytest.raises(SchemaError, match="schema is 3, not 2"):
        ModelContract.from_json(changed(schema=3, of_later=True))
    with pytest.raises(ContractError) as caught:
        ModelContract.from_json(changed(of_later=True))
    assert not isinstance(caught.value, SchemaError)


@pytest.mark.parametrize(
    ("probability", "tissue", "outcome"),
    [
        (0.0, 1.0, "benign"),
        (0.3, 1.0, "benign"),
        (0.31, 1.0, "refer"),
        (0.69, 1.0, "refer"),
        (0.7, 1.0, "malignant"),
        (1.0, 0.5, "malignant"),
        (1.0, 0.49, "refused"),
        (0.0, 0.0, "refused"),
    ],
)
def test_the_thresholds_decide(probability: float, tissue: float, outcome: str) -> None:
    assert decide(SMALL, probability=probability, tissue=tissue) == outcome


@pytest.mark.parametrize("wrong", [float("nan"), -0.01, 1.01, float("inf")])
def test_no_outcome_from_a_number_that_is_no_probability(wrong: float) -> None:
    with pytest.raises(ValueError, match="probability is"):
        decide(SMALL, probability=wrong, tissue=1.0)
    with pytest.raises(ValueError, match="tissue is"):
        decide(SMALL, probability=0.5, tissue=wrong)


def test_the_signatures_carry_the_contracts_own_sizes() -> None:
    specs = signatures(small(tile_side_px=48, embedding_dim=5))

    assert specs[EMBED].inputs["tiles"].shape == (None, 48, 48, 3)
    assert specs[EMBED].outputs["embeddings"].shape == (None, 5)
    assert specs[AGGREGATE].inputs == specs[EMBED].outputs
    assert specs[SERVING_DEFAULT] == specs[EMBED]
