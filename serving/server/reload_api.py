"""ModelService.HandleReloadConfigRequest, as model_servers/model_service_impl.cc."""

import logging

import grpc

from serving.messages import (
    HANDLE_RELOAD_CONFIG,
    ReloadConfigRequest,
    ReloadConfigResponse,
    StatusProto,
)
from serving.server.reload import MODEL_LIST, Reloader
from serving.server.status import StatusError, invalid

logger = logging.getLogger(__name__)


def reload_handler(reloader: Reloader) -> grpc.GenericRpcHandler:
    """Answer once the new models can be asked, or with what is wrong."""

    def handle(
        request: ReloadConfigRequest, context: grpc.ServicerContext
    ) -> ReloadConfigResponse:
        try:
            _reload(reloader, request, context)
        except StatusError as error:
            logger.warning("ReloadConfig failed: %s", error)
            context.abort(error.code, error.message)
        return ReloadConfigResponse(status=StatusProto(error_code=0))

    _, service, method = HANDLE_RELOAD_CONFIG.split("/")
    handler = grpc.unary_unary_rpc_method_handler(
        handle,
        request_deserializer=ReloadConfigRequest.FromString,
        response_serializer=ReloadConfigResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(service, {method: handler})


def _reload(
    reloader: Reloader, request: ReloadConfigRequest, context: grpc.ServicerContext
) -> None:
    config = request.config
    if config.WhichOneof("config") != MODEL_LIST:
        raise invalid(
            "ServerModelConfig type not supported by HandleReloadConfigRequest. "
            "Only ModelConfigList is currently supported"
        )
    for position, model in enumerate(config.model_config_list.config):
        logger.info(
            "Config entry %d: %s (%s) at %s",
            position,
            model.name,
            model.model_platform,
            model.base_path,
        )
    reloader.reload(config, is_awaited=context.is_active)
