"""torchvision beside a torch of another build, in processes of their own."""

import subprocess
import sys

import pytest

# Makes torchvision's compiled half fail to load, whatever build is installed.
MISMATCH = """
import sys, torch
loads = torch.ops.load_library
def refuse(path):
    if "torchvision" in str(path):
        raise OSError("another build")
    return loads(path)
torch.ops.load_library = refuse
"""
IMPORT = """
from byzsgd.torchvision_compat import import_torchvision
vision = import_torchvision()
assert import_torchvision() is vision
from torchvision.transforms.v2 import functional
assert vision.models.get_model("resnet18", num_classes=3).fc.out_features == 3
print(vision.datasets.MNIST.__name__)
"""


def run(code):
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    "before", [pytest.param("", marks=pytest.mark.slow), MISMATCH], ids=["as installed", "mismatch"]
)
def test_it_imports(before):
    done = run(before + IMPORT)
    assert done.returncode == 0 and done.stdout == "MNIST\n", done.stderr


@pytest.mark.slow
def test_a_mismatch_does_break_the_plain_import():
    done = run(MISMATCH + "import torchvision")
    assert done.returncode == 1 and "torchvision::nms" in done.stderr


@pytest.mark.slow
def test_without_torchvision_the_error_says_so():
    done = run("import sys; sys.modules['torchvision'] = None" + IMPORT)
    assert "ValueError: torchvision is needed here and cannot be imported; got" in done.stderr
