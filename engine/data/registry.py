"""The registry of data sets. Every file has a fixed address, size and checksum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from engine.errors import InvalidValue
from engine.words import N_, _


@dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Parameters
    ----------
    path
        Where it lies in `GALLERY_DATA_DIR`, and in the cache once it is downloaded.
    bytes, sha256
        Size and checksum of the file at `url`.
    """

    path: str
    url: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class DataSource:
    """A data set and its files."""

    name: str
    title: str
    licence: str
    files: tuple[DataFile, ...]

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(f.bytes for f in self.files)


UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases"
PACKT_PYTORCH = (
    "https://raw.githubusercontent.com/PacktWorkshops/The-Deep-Learning-with-PyTorch-Workshop"
    "/373cfb2620c79d26da8fd390b9b17388bf0d6b07"
)

SOURCES = (
    DataSource(
        "auto-mpg",
        N_("Fuel consumption of 398 cars, 1970–1982"),
        "CC BY 4.0 (UCI Machine Learning Repository, 9)",
        (
            DataFile(
                path="tabular/auto-mpg.data",
                url=f"{UCI}/auto-mpg/auto-mpg.data",
                bytes=30286,
                sha256="48b830e11feee5572525f8f1691ddb9d38d3d7b7063edcd8fca672c2a5e17d8d",
            ),
        ),
    ),
    DataSource(
        "somerville-happiness",
        N_("Happiness and city services, 143 answers from Somerville, 2015"),
        "CC BY 4.0 (UCI Machine Learning Repository, 479)",
        (
            # UCI's own file is UTF-16; this UTF-8 copy, at a fixed commit, is reference run R5's.
            DataFile(
                path="tabular/SomervilleHappinessSurvey2015.csv",
                url=f"{PACKT_PYTORCH}/Chapter01/Activity1.01/SomervilleHappinessSurvey2015.csv",
                bytes=2167,
                sha256="1527027fb65dd322a63c298189d800e634fd2e73adc61c0e008be6401bf5e97d",
            ),
        ),
    ),
)


def sources() -> Mapping[str, DataSource]:
    """All data sets by name."""
    return MappingProxyType({s.name: s for s in SOURCES})


def source(name: str) -> DataSource:
    """One data set.

    Raises
    ------
    InvalidValue
        When there is none of this name.
    """
    found = sources().get(name)
    if found is None:
        expected = _("one of {choices}").format(choices=", ".join(sources()))
        raise InvalidValue.of("data", expected, name)
    return found
