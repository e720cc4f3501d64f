"""Messages that only the server needs: a client of ours asks with Predict alone."""

from serving.messages import not_running

with not_running("tensorflow"):
    from tensorflow.core.example.example_pb2 import Example
    from tensorflow.core.example.feature_pb2 import Feature
    from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
    from tensorflow_serving.apis.classification_pb2 import (
        ClassificationRequest,
        ClassificationResponse,
        ClassificationResult,
    )
    from tensorflow_serving.apis.get_model_metadata_pb2 import (
        GetModelMetadataRequest,
        GetModelMetadataResponse,
        SignatureDefMap,
    )
    from tensorflow_serving.apis.inference_pb2 import (
        InferenceTask,
        MultiInferenceRequest,
        MultiInferenceResponse,
    )
    from tensorflow_serving.apis.input_pb2 import Input
    from tensorflow_serving.apis.regression_pb2 import (
        RegressionRequest,
        RegressionResponse,
        RegressionResult,
    )

CLASSIFY = "/tensorflow.serving.PredictionService/Classify"
REGRESS = "/tensorflow.serving.PredictionService/Regress"
MULTI_INFERENCE = "/tensorflow.serving.PredictionService/MultiInference"
GET_MODEL_METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"

# A signature's method_name: TensorFlow's saved_model/signature_constants.py.
CLASSIFY_METHOD = "tensorflow/serving/classify"
REGRESS_METHOD = "tensorflow/serving/regress"
PREDICT_METHOD = "tensorflow/serving/predict"

__all__ = [
    "CLASSIFY",
    "CLASSIFY_METHOD",
    "GET_MODEL_METADATA",
    "MULTI_INFERENCE",
    "PREDICT_METHOD",
    "REGRESS",
    "REGRESS_METHOD",
    "ClassificationRequest",
    "ClassificationResponse",
    "ClassificationResult",
    "Example",
    "Feature",
    "GetModelMetadataRequest",
    "GetModelMetadataResponse",
    "InferenceTask",
    "Input",
    "MultiInferenceRequest",
    "MultiInferenceResponse",
    "RegressionRequest",
    "RegressionResponse",
    "RegressionResult",
    "SignatureDef",
    "SignatureDefMap",
]
