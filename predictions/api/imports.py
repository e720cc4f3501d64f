"""Many cases at once, by the list that comes with a folder of images."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from predictions.api.requests import checked, person, stated_laboratory
from predictions.api.serializers.imports import ImportIn, ImportOut
from predictions.api.views import ApiView
from predictions.models import Scope
from predictions.services.imports import Plan, open_import, plan_import
from predictions.services.manifests import read_manifest

# 2,000 rows and the names of their files; as much as Django reads into memory.
MAX_IMPORT_BYTES = 1_000_000


class ImportCheckView(ApiView):
    """A dry run."""

    needs = {"post": Scope.WRITE}
    max_json_bytes = MAX_IMPORT_BYTES

    @extend_schema(
        operation_id="imports_check", request=ImportIn, responses={200: ImportOut}
    )
    def post(self, request: Request) -> Response:
        """Say what would become of every row. Nothing changes."""
        return Response(ImportOut(_plan(request)).data)


class ImportView(ApiView):
    """The cases of a list."""

    needs = {"post": Scope.WRITE}
    max_json_bytes = MAX_IMPORT_BYTES

    @extend_schema(
        operation_id="imports_create", request=ImportIn, responses={201: ImportOut}
    )
    def post(self, request: Request) -> Response:
        """Open every case that the list needs, or none; then upload to each `case`."""
        opened = open_import(plan=_plan(request), opened_by=person(request))
        return Response(ImportOut(opened).data, status=201)


def _plan(request: Request) -> Plan:
    said = checked(ImportIn(data=request.data))
    return plan_import(
        laboratory=stated_laboratory(request, said.get("laboratory")),
        asked_by=person(request),
        rows=read_manifest(said["manifest"].encode()),
        filenames=said.get("filenames"),
    )
