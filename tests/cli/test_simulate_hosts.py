import pytest

from made_hosts import write_hosts, write_masks
from pseudohealthy.cli import main
from pseudohealthy.io.bids import discover


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    return write_hosts(folder / "people", 2, 4.0), write_masks(folder / "patients", 2)


def test_lesions_are_painted_on_hosts_at_their_own_voxel_size(hosts, tmp_path):
    people, patients = map(str, hosts)
    out = tmp_path / "out"
    options = ("--pathology", "healthy", "stroke", "--masks", f"stroke={patients}", "--seed", "3")
    assert main(["simulate", str(out), "--hosts", people, *options]) == 0
    cohort = discover([out])
    assert [case.pathology for case in cohort] == ["healthy"] * 2 + ["stroke"] * 2
    assert "4 mm" in (out / "README").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--masks", "tumour=x"), "'tumour', which takes no masks; needed KIND=FOLDER, the kind one of stroke, ms"),
        (("--masks", "stroke"), "found no folder"),
        (("--masks", "stroke=nowhere"), "no such file or folder"),
        (("--labels", "*aseg*"), "no label maps that are called *aseg*"),
        (("--pathology", "stroke"), "masks of stroke: found 0; needed 2"),
        (("--pathology", "flu"), "some of healthy, tumour, stroke, ms, wmh, haemorrhage, ventricle, mass, sham"),
        (("--pathology", "sham"), "a sham without the healthy scan"),
        (("--exclude-mask", "patient26"), "the mask 'patient26', which is not to be used: found no mask of this name"),
    ],
)
def test_what_cannot_be_painted_is_refused_and_nothing_written(options, said, hosts, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["simulate", str(out), "--hosts", str(hosts[0]), *options]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert not out.exists()


def test_masks_without_hosts_are_refused(tmp_path, capsys):
    assert main(["simulate", str(tmp_path / "out"), "--masks", "stroke=x"]) == 2
    assert "found no --hosts" in capsys.readouterr().err
