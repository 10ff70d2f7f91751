"""DicomSeries: the files of one series; which there are in a place, and which of them is meant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from regkit.errors import InputError
from regkit.io.formats.dicom.files import DicomFile, dicom_errors, dicom_paths, open_dicom
from regkit.io.formats.dicom.layout import has_pixels
from regkit.io.formats.dicom.tags import FrameTags
from regkit.io.names import display_name
from regkit.io.options import ReadOptions

_DIRECTORY = "1.2.840.10008.1.3.10"
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
_SEGMENTS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
LABEL_KINDS = (STRUCTURE_SET, *_SEGMENTS)


@dataclass(frozen=True, eq=False)
class DicomSeries:
    """The files of one series.

    Parameters
    ----------
    uid
        Its SeriesInstanceUID.
    files
        At least one, in order of their paths.
    """

    uid: str
    files: tuple[DicomFile, ...]

    @cached_property
    def tags(self) -> FrameTags:
        """What its first file says."""
        return FrameTags(self.files[0].name, (self.files[0].data,))

    @property
    def kind(self) -> str:
        """The UID of the kind of object that it holds."""
        return self.tags.word("SOPClassUID")

    @property
    def is_labels(self) -> bool:
        """Whether it holds segments or contours instead of an image."""
        return self.kind in LABEL_KINDS

    @property
    def number(self) -> int | None:
        """Its SeriesNumber, where it has one."""
        found = self.tags.numbers("SeriesNumber", 1)
        return None if found is None else int(found[0])

    @property
    def modality(self) -> str:
        """What made it, such as ``"CT"``."""
        return self.tags.word("Modality")

    @property
    def size(self) -> str:
        """Columns, rows and how many images there are."""
        if not has_pixels(self.files[0]):
            return f"{len(self.files)} files"
        frames = sum(
            FrameTags(file.name, (file.data,)).whole("NumberOfFrames", 1) for file in self.files
        )
        columns, rows = (self.tags.word(each) or "?" for each in ("Columns", "Rows"))
        return f"{columns}x{rows}x{frames}"


def series_in(path: Path) -> list[DicomSeries]:
    """List the series of a folder, of the folder of a DICOMDIR, or the one that a file is part of.

    What a DICOMDIR says of its files is left aside, as its folder shows them. Series without
    pixels are left out, but for structure sets.

    Raises
    ------
    InputError
        If a file is damaged, is there twice, or says no series.
    """
    if path.is_dir():
        return _grouped(map(open_dicom, dicom_paths(path, deep=True)))
    file = open_dicom(path)
    if _class_of(file) == _DIRECTORY:
        return _grouped(map(open_dicom, dicom_paths(path.parent, deep=True)))
    if _is_whole(file):
        return [DicomSeries(_uid(file), (file,))] if _is_wanted(file) else []
    beside = map(open_dicom, dicom_paths(path.parent, deep=False))
    return _grouped(each for each in beside if _uid(each) == _uid(file) or _is_nameless(each))


def chosen_series(path: Path, options: ReadOptions) -> DicomSeries:
    """Return the only series of a path, or the one that ``options`` name.

    Where a folder holds images and labels, the images are meant.

    Raises
    ------
    InputError
        If there is none, there are several and none is named, or not the one that is.
    """
    name = display_name(path)
    found = series_in(path)
    images = [each for each in found if not each.is_labels] or found
    if not found:
        raise InputError(f"{name}: holds no DICOM image; give the folder of a series")
    if len(images) == 1 and options.series is None:
        return images[0]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{_called(each)}: {each.modality:.16} {each.size}" for each in found)
    if options.series is None:
        raise InputError(
            f"{name}: holds {len(images)} series ({known:.300}); pass series=N, or give one file "
            "of it"
        )
    meant = [each for each in found if str(options.series) in (str(each.number), each.uid)]
    if len(meant) != 1:
        count = "no series" if not meant else f"{len(meant)} series"
        hint = "" if not meant else "; pass its UID, which `regkit info` shows"
        raise InputError(f"{name}: has {count} {options.series!s:.64}: {known:.300}{hint}")
    return meant[0]


def _called(series: DicomSeries) -> str:
    return series.uid if series.number is None else str(series.number)


def series_of_files(files: Sequence[DicomFile]) -> DicomSeries:
    """Make a series of files that have one UID.

    Raises
    ------
    InputError
        If an image is there twice.
    """
    return _grouped(files)[0]


def _grouped(files: Iterable[DicomFile]) -> list[DicomSeries]:
    groups: dict[str, list[DicomFile]] = defaultdict(list)
    bare: list[DicomFile] = []
    for file in files:
        with dicom_errors(file.name):
            if not _is_wanted(file):
                bare.append(file)
                continue
            if not _uid(file):
                raise InputError(
                    f"{file.name}: has no SeriesInstanceUID, so that nobody knows whose it is; "
                    "give the file itself"
                )
            groups[_uid(file)].append(file)
    _check_whole(groups, bare)
    found = [_once(DicomSeries(uid, tuple(group))) for uid, group in groups.items()]
    return sorted(found, key=lambda each: (each.number is None, each.number or 0, each.uid))


def _check_whole(groups: Mapping[str, Sequence[DicomFile]], bare: Iterable[DicomFile]) -> None:
    """Refuse images that lost their pixels: without its last slice a stack looks whole.

    Parameters
    ----------
    groups
        The images of each series.
    bare
        Files without pixels, most of them of other kinds, such as plans.

    Raises
    ------
    InputError
        If one is of the kind of the images of its series, or does not say of which it is.
    """
    kinds = {(uid, _class_of(file)) for uid, group in groups.items() for file in group}
    kinds |= {("", kind) for _, kind in kinds} | ({("", "")} if kinds else set())
    for file in bare:
        if (_uid(file), _class_of(file)) in kinds:
            raise InputError(
                f"{file.name}: has no pixels, unlike the images beside it; the file is cut. Copy "
                "it again, or take it out of the folder"
            )


def _once(series: DicomSeries) -> DicomSeries:
    """The series, unless one of its images is there twice."""
    seen: dict[str, DicomFile] = {}
    for file in series.files:
        own = str(file.data.get("SOPInstanceUID", ""))
        if own and seen.setdefault(own, file) is not file:
            raise InputError(
                f"{file.name}: is the same image as {seen[own].name}; remove one of them"
            )
    return series


def _is_wanted(file: DicomFile) -> bool:
    return has_pixels(file) or _class_of(file) == STRUCTURE_SET


def _is_nameless(file: DicomFile) -> bool:
    """Whether a file shows nothing and does not say to which series it belongs."""
    with dicom_errors(file.name):
        return not _uid(file) and not _is_wanted(file)


def _is_whole(file: DicomFile) -> bool:
    """Whether a file is a series: an image of several frames, labels, or one without a UID."""
    with dicom_errors(file.name):
        frames = FrameTags(file.name, (file.data,)).whole("NumberOfFrames", 1)
        return frames > 1 or _class_of(file) in LABEL_KINDS or not _uid(file)


def _class_of(file: DicomFile) -> str:
    meta = getattr(file.data, "file_meta", {})
    return str(file.data.get("SOPClassUID", "") or meta.get("MediaStorageSOPClassUID", ""))


def _uid(file: DicomFile) -> str:
    return str(file.data.get("SeriesInstanceUID", "") or "")
