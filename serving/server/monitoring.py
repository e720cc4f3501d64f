"""--monitoring_config_file: whether to show metrics, and where.

The message is that of TensorFlow Serving's config/monitoring_config.proto.
"""

from pathlib import Path

from google.protobuf.text_format import Parse, ParseError

from serving.server.dynamic_messages import message_classes

DEFAULT_PATH = "/monitoring/prometheus/metrics"

CLASSES = message_classes("""
    name: "tensorflow_serving/config/monitoring_config.proto"
    package: "tensorflow.serving"
    syntax: "proto3"
    message_type {
      name: "PrometheusConfig"
      field { name: "enable" number: 1 type: TYPE_BOOL label: LABEL_OPTIONAL }
      field { name: "path" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL }
    }
    message_type {
      name: "MonitoringConfig"
      field {
        name: "prometheus_config" number: 1 label: LABEL_OPTIONAL
        type: TYPE_MESSAGE type_name: ".tensorflow.serving.PrometheusConfig"
      }
    }
""")
MonitoringConfig = CLASSES["tensorflow.serving.MonitoringConfig"]


def metrics_path(file: str) -> str:
    """The path of the metrics on the REST port; empty for none. Raises OSError."""
    if not file:
        return ""
    try:
        config = Parse(Path(file).read_text(encoding="utf-8"), MonitoringConfig())
    except (ParseError, UnicodeDecodeError) as error:
        raise OSError(f"Invalid protobuf file: '{file}': {error}") from error
    prometheus = config.prometheus_config
    return (prometheus.path or DEFAULT_PATH) if prometheus.enable else ""
