"""Our own H&E-like fields, with planted lesions and their truth."""

from training.generator.field import SyntheticField, field

__all__ = ["SyntheticField", "field"]
