"""Images of other libraries, in and out: no library is imported but the one at hand."""

from regkit.io.interchange.foreign import from_object, is_foreign, with_choices
from regkit.io.interchange.metatensors import to_metatensor
from regkit.io.interchange.nibabel_images import to_nibabel
from regkit.io.interchange.sitk_images import to_sitk

__all__ = ["from_object", "is_foreign", "to_metatensor", "to_nibabel", "to_sitk", "with_choices"]
