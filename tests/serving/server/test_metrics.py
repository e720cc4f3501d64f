"""The page of metrics: its format, and what is counted.

The formats are those of TensorFlow Serving's prometheus_exporter_test.cc.
"""

import shutil
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from serving.server import metrics
from serving.server.classify import classify
from serving.server.inference_messages import ClassificationRequest
from serving.server.loader import Threads
from serving.server.metrics import Counter, Histogram, counted_request, page
from serving.server.models import Models, ServedModel
from serving.server.rest_api import RestServer, answer
from serving.server.status import invalid
from tests.model_server import free_port
from tests.serving.server.inferring import NAME, asked, metric


def test_a_counter_is_a_line() -> None:
    counter = Counter(":test:path:total", "name")
    counter.add(2, "abc")
    counter.add(1, "abc")
    counter.add(1, '"a\\\n')

    assert list(counter.lines()) == [
        r':test:path:total{name="\"a\\\n"} 1',
        ':test:path:total{name="abc"} 3',
    ]


def test_a_counter_without_labels_has_empty_braces() -> None:
    counter = Counter(":tensorflow:core:graph_runs")
    counter.add(5)

    assert list(counter.lines()) == [":tensorflow:core:graph_runs{} 5"]


def test_a_histogram_adds_up_to_its_count() -> None:
    histogram = Histogram(":test:path:histogram", "status", limits=(1, 2, 4))
    for number in (2, 7, 200):
        histogram.observe(number, "good")

    assert list(histogram.lines()) == [
        ':test:path:histogram_bucket{status="good",le="1"} 0',
        ':test:path:histogram_bucket{status="good",le="2"} 0',
        ':test:path:histogram_bucket{status="good",le="4"} 1',
        ':test:path:histogram_bucket{status="good",le="8"} 2',
        ':test:path:histogram_bucket{status="good",le="+Inf"} 3',
        ':test:path:histogram_sum{status="good"} 209',
        ':test:path:histogram_count{status="good"} 3',
    ]


def test_the_limits_are_those_that_dashboards_name() -> None:
    metrics.RUNTIME_LATENCY.observe(1, "limits", "Predict", "TF1")
    lines = [line for line in page().splitlines() if '"limits"' in line]

    assert 'API="Predict",runtime="TF1",le="10"} 1' in lines[0]
    assert 'le="18"' in lines[1]
    assert 'le="104.976"' in lines[4]
    assert any('le="708235"' in line for line in lines)
    assert len(lines) == 36


def test_every_metric_has_its_type_before_its_numbers() -> None:
    lines = page().splitlines()
    named = [line.split()[2] for line in lines if line.startswith("# TYPE")]

    assert named == sorted(set(named))
    assert "# TYPE :tensorflow:serving:request_count counter" in lines
    assert "# TYPE :tensorflow:serving:request_latency histogram" in lines
    assert page().endswith("\n")
    current = ""
    for line in lines:
        if line.startswith("# TYPE"):
            current = line.split()[2]
        else:
            assert line.startswith(current)


def test_a_request_is_counted_by_how_it_ends() -> None:
    counted = {"model_name": "counted"}
    latency = ":tensorflow:serving:request_latency_count"
    with counted_request("counted", "Predict", "GRPC"):
        pass
    with (
        pytest.raises(Exception, match="no"),
        counted_request("counted", "Predict", "GRPC"),
    ):
        raise invalid("no")

    count = ":tensorflow:serving:request_count"
    assert metric(count, **counted, status="OK") == 1
    assert metric(count, **counted, status="INVALID_ARGUMENT") == 1
    assert metric(latency, **counted, API="Predict", entrypoint="GRPC") == 1


def test_rest_requests_are_counted(half_plus_two: Models) -> None:
    counted = {"model_name": "nobody", "status": "NOT_FOUND"}
    before = metric(":tensorflow:serving:request_count", **counted)
    body = b'{"instances": [1]}'
    answer(half_plus_two, "POST", "/v1/models/nobody:predict", body)

    assert metric(":tensorflow:serving:request_count", **counted) == before + 1


def test_the_time_of_a_rest_prediction_is_put_down_to_its_model(
    half_plus_two: Models,
) -> None:
    timed = {"model_name": NAME, "API": "Predict", "runtime": "TF1"}
    before = metric(":tensorflow:serving:runtime_latency_count", **timed)
    body = b'{"instances": [[1]]}'
    assert answer(half_plus_two, "POST", f"/v1/models/{NAME}:predict", body)[0] == 200

    assert metric(":tensorflow:serving:runtime_latency_count", **timed) == before + 1


def test_runs_and_examples_are_counted(half_plus_two: Models) -> None:
    names: tuple[tuple[str, dict[str, str]], ...] = (
        (":tensorflow:core:graph_runs", {}),
        (":tensorflow:serving:request_example_count_total", {"model": NAME}),
        (":tensorflow:serving:request_example_counts_sum", {"model": NAME}),
        (
            ":tensorflow:serving:runtime_latency_count",
            {"model_name": NAME, "API": "Classify", "runtime": "TF1"},
        ),
    )
    before = [metric(name, **labels) for name, labels in names]
    request = asked(ClassificationRequest, "labels", 1.0, 2.0, 3.0)
    with half_plus_two.hold(NAME, None) as held:
        classify(held.servable, request)
    after = [metric(name, **labels) for name, labels in names]

    grown = [new - old for new, old in zip(after, before, strict=True)]
    assert grown == [1, 3, 3, 1]


def test_loads_are_counted(half_plus_two_path: Path, tmp_path: Path) -> None:
    shutil.copytree(half_plus_two_path / "123", tmp_path / "1")
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "saved_model.pb").write_bytes(b"half")
    model = ServedModel("loaded", tmp_path, Threads(1, 1))
    model.refresh()
    shutil.rmtree(tmp_path / "2")
    model.refresh()
    model.unload_all()

    attempts = ":tensorflow:cc:saved_model:load_attempt_count"
    path, broken = str(tmp_path / "1"), str(tmp_path / "2")
    assert metric(attempts, model_path=path, status="success") == 1
    assert metric(attempts, model_path=broken, status="fail") == 1
    assert metric(":tensorflow:cc:saved_model:load_latency", model_path=path) > 0


@pytest.fixture(params=["", "/metrics"])
def connection(
    half_plus_two: Models, request: pytest.FixtureRequest
) -> Iterator[HTTPConnection]:
    port = free_port()
    server = RestServer(half_plus_two, "127.0.0.1", port, request.param)
    server.start()
    made = HTTPConnection("127.0.0.1", port, timeout=10)
    yield made
    made.close()
    server.stop(drain_s=10)


@pytest.mark.parametrize("connection", ["/metrics"], indirect=True)
def test_the_page_is_shown_where_the_server_is_told(
    connection: HTTPConnection,
) -> None:
    connection.request("GET", "/metrics")
    response = connection.getresponse()

    assert response.status == 200
    assert response.headers["Content-Type"] == "text/plain"
    assert b"# TYPE :tensorflow:serving:request_count counter\n" in response.read()


@pytest.mark.parametrize("connection", [""], indirect=True)
def test_the_page_is_not_shown_unasked(connection: HTTPConnection) -> None:
    connection.request("GET", "/metrics")

    assert connection.getresponse().status == 404
