import numpy as np
import pytest
import tensorflow as tf

from serving.server.tensor_messages import to_content_message


@pytest.mark.parametrize("dtype", [tf.bool, tf.uint8, tf.int64, tf.half, tf.bfloat16])
def test_raw_bytes_are_read_back_by_any_client(dtype: tf.DType) -> None:
    array = np.array([[0, 1]], dtype.as_numpy_dtype)
    message = to_content_message(array)

    assert len(message.tensor_content) == array.nbytes
    assert tf.make_ndarray(message).dtype == array.dtype
    assert tf.make_ndarray(message).tolist() == array.tolist()


def test_strings_stay_where_every_client_reads_them() -> None:
    message = to_content_message(np.array([b"a", b""], object))

    assert list(message.string_val) == [b"a", b""]
    assert not message.tensor_content
