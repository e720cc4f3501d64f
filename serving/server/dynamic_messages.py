"""Messages whose generated code no package brings along."""

from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClassesForFiles
from google.protobuf.text_format import Parse


def message_classes(described: str) -> dict[str, Any]:
    """Make the classes of a .proto file, by full name.

    described: the file as a FileDescriptorProto, in text format.
    """
    # A pool of its own: another package may bring the same file.
    pool = DescriptorPool()
    file = Parse(described, FileDescriptorProto())
    pool.Add(file)
    return dict(GetMessageClassesForFiles([file.name], pool))
