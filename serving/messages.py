"""TensorFlow Serving's messages, without running TensorFlow.

The generated modules sit inside packages whose __init__ imports all of TensorFlow:
2 s and half a gigabyte that a client has no use for.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec


@contextmanager
def not_running(package: str) -> Iterator[None]:
    """Let modules inside `package` be imported without running its __init__.

    Leaves nothing behind: whoever imports the package itself later, gets it whole.
    """
    if package in sys.modules:
        yield
        return
    spec = find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    sys.modules[package] = module_from_spec(spec)
    try:
        yield
    finally:
        del sys.modules[package]


with not_running("tensorflow"):
    from tensorflow.core.framework.tensor_pb2 import TensorProto
    from tensorflow.core.framework.tensor_shape_pb2 import TensorShapeProto
    from tensorflow.core.framework.types_pb2 import DataType
    from tensorflow_serving.apis.get_model_status_pb2 import (
        GetModelStatusRequest,
        GetModelStatusResponse,
        ModelVersionStatus,
    )
    from tensorflow_serving.apis.model_management_pb2 import (
        ReloadConfigRequest,
        ReloadConfigResponse,
    )
    from tensorflow_serving.apis.model_pb2 import ModelSpec
    from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog
    from tensorflow_serving.apis.status_pb2 import StatusProto
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

PREDICT = "/tensorflow.serving.PredictionService/Predict"
GET_MODEL_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"
HANDLE_RELOAD_CONFIG = "/tensorflow.serving.ModelService/HandleReloadConfigRequest"

__all__ = [
    "GET_MODEL_STATUS",
    "HANDLE_RELOAD_CONFIG",
    "PREDICT",
    "DataType",
    "GetModelStatusRequest",
    "GetModelStatusResponse",
    "ModelServerConfig",
    "ModelSpec",
    "ModelVersionStatus",
    "PredictLog",
    "PredictRequest",
    "PredictResponse",
    "PredictionLog",
    "ReloadConfigRequest",
    "ReloadConfigResponse",
    "StatusProto",
    "TensorProto",
    "TensorShapeProto",
    "not_running",
]
