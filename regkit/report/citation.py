"""What to cite for the methods that a result used."""

from __future__ import annotations

from regkit.registration.config import parts_of
from regkit.registration.result import Result

_LNCC = (
    "Local normalised cross-correlation: Avants BB, Epstein CL, Grossman M, Gee JC. Symmetric "
    "diffeomorphic image registration with cross-correlation. Medical Image Analysis 12(1):26-41, "
    "2008. doi:10.1016/j.media.2007.06.004"
)
_MIND = (
    "MIND-SSC: Heinrich MP, Jenkinson M, Papież BW, Brady M, Schnabel JA. Towards realtime "
    "multimodal fusion for image-guided interventions using self-similarities. MICCAI 2013. "
    "doi:10.1007/978-3-642-40811-3_24"
)
_MI = (
    "Mutual information: Mattes D, Haynor DR, Vesselle H, Lewellen TK, Eubank W. PET-CT image "
    "registration in the chest using free-form deformations. IEEE Transactions on Medical Imaging "
    "22(1):120-128, 2003. doi:10.1109/TMI.2003.809072"
)
_FEATURES = (
    "Features as similarity: Guiding Registration with Emergent Similarity from Pre-Trained "
    "Diffusion Models. MICCAI 2025. arXiv:2506.02419"
)
_OF_SIMILARITY = {"lncc": _LNCC, "lncc2": _LNCC, "mind": _MIND, "mi": _MI, "features": _FEATURES}


def citations(result: Result, version: str) -> list[str]:
    """The software, then the papers behind the similarities of the stages that ran."""
    names = [result.config.similarity, *(stage.similarity for stage in result.stages)]
    parts = [part.partition(":")[0] for name in names for _, part in parts_of(name)]
    papers = [_OF_SIMILARITY[part] for part in parts if part in _OF_SIMILARITY]
    return [f"regkit, version {version} (Apache-2.0).", *dict.fromkeys(papers)]
