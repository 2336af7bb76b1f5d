import pytest

from pseudohealthy.errors import CohortError
from pseudohealthy.io.paper_splits import is_paper_split, paper_cohort, read_paper_splits

# Columns and ways of the published files; people and numbers are made up.
IXI = ',img_name,"SEX_ID (1=m, 2=f)",HEIGHT,STUDY_DATE,age,label,img_path,mask_path,seg_path,Agegroup\n'
ATLAS = ",img_name,Session,Primary Stroke Location,label,age,img_path,mask_path,seg_path,Scannergroup\n"
BRATS = ",img_name,Local ID ,age,label,img_path,mask_path,seg_path\n"


def ixi_row(number, person, site="Guys", age="40.0"):
    name = f"{person}-{site}-{number:04d}"
    paths = f"/Train/ixi/t1/{name}_t1.nii.gz,/Train/ixi/mask/{name}_mask.nii.gz,"
    return f"{number},{name}_t1.nii.gz,1,180,2005-01-01,{age},0,{paths},2.0\n"


@pytest.fixture
def files(tmp_path):
    """Training: 901 twice with two ages, 904 also in the test under another scan; validation: 903, also in training."""
    contents = {
        "IXI_train_fold0.csv": [
            ixi_row(1, "IXI901", age="53.08"),
            ixi_row(1, "IXI901", age="58.07"),
            ixi_row(2, "IXI902"),
            ixi_row(3, "IXI903"),
            ixi_row(4, "IXI904", "HH"),
        ],
        "IXI_val_fold0.csv": [ixi_row(3, "IXI903"), ixi_row(5, "IXI905"), ixi_row(5, "IXI905")],
        "IXI_test.csv": [ixi_row(14, "IXI904", "Guys"), ixi_row(6, "IXI906", age="")],
    }
    for name, rows in contents.items():
        (tmp_path / name).write_text(IXI + "".join(rows))
    return dict.fromkeys((tmp_path / name for name in contents), "")


def test_leaks_and_repetitions_are_dropped_and_listed(files):
    rows, dropped = read_paper_splits(files)
    assert [(row.split, row.person) for row in rows] == [
        ("train", "ixi901"),
        ("train", "ixi902"),
        ("validation", "ixi903"),
        ("validation", "ixi905"),
        ("test", "ixi904"),
        ("test", "ixi906"),
    ]
    assert dropped == [
        "IXI901-Guys-0001_t1.nii.gz: 2 rows in IXI_train_fold0.csv, with the ages 53.08 and 58.07: its age is "
        "left empty; one is kept",
        "IXI905-Guys-0005_t1.nii.gz: 2 rows in IXI_val_fold0.csv; one is kept",
        "IXI903-Guys-0003_t1.nii.gz: in train and validation; left out of train",
        "IXI904-HH-0004_t1.nii.gz: in train and test; left out of train",
    ]
    assert rows[0].cells["age"] == ""


def test_paths_with_a_leading_slash_are_below_the_data_folder(files, tmp_path):
    rows, _ = read_paper_splits(files)
    for row in rows[:-1]:
        for kind in ("img_path", "mask_path"):
            path = tmp_path / "Data" / row.cells[kind].lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(path.name)
    cohort, missing = paper_cohort(rows, tmp_path)
    assert missing == ["IXI906-Guys-0006_t1.nii.gz"]
    assert [case.name for case in cohort.split("train")] == ["IXI901-Guys-0001", "IXI902-Guys-0002"]
    case = cohort.split("validation")[1]
    assert case.image == tmp_path / "Data/Train/ixi/t1/IXI905-Guys-0005_t1.nii.gz"
    assert case.brain_mask == tmp_path / "Data/Train/ixi/mask/IXI905-Guys-0005_mask.nii.gz"
    assert (case.lesion_mask, case.pathology, case.subject) == (None, "healthy", "ixi905")
    assert case.columns == {"age": "40.0", "Agegroup": "2.0"}


@pytest.mark.parametrize(
    ("header", "name", "path", "pathology", "labels"),
    [
        (BRATS, "BraTS2021_00001", "/Test/Brats21/{}/BraTS2021_00001_{}.nii.gz", "tumour", ((1, 2, 4), ())),
        (ATLAS, "sub-r001s001", "/Test/ATLAS_v2/{}/sub-r001s001_ses-1_{}.nii.gz", "stroke", ((1,), ())),
        (
            ",img_name,label,age,img_path,mask_path,seg_path\n",
            "GE3T_114_t1.nii.gz",
            "/Test/WMH/{}/GE3T_114_{}.nii.gz",
            "wmh",
            ((1,), (2,)),
        ),
    ],
)
def test_patients_get_their_pathology_and_the_meaning_of_their_labels(header, name, path, pathology, labels, tmp_path):
    paths = {
        f"{kind}_path": path.format(folder, folder)
        for kind, folder in (("img", "t1"), ("mask", "mask"), ("seg", "seg"))
    }
    values = {"img_name": name, "label": "1", **paths}
    line = ",".join(values.get(column.strip(), "") for column in header.strip().split(","))
    (tmp_path / "X_val.csv").write_text(f"{header}{line}\n")
    for file in paths.values():
        (tmp_path / file.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file.lstrip("/")).write_text(file)
    rows, _ = read_paper_splits({tmp_path / "X_val.csv": "annotated"})
    case = paper_cohort(rows, tmp_path)[0][0]
    assert (case.name, case.split, case.pathology) == (name.removesuffix("_t1.nii.gz"), "annotated", pathology)
    assert (case.lesion_labels, case.ignored_labels) == labels
    assert case.lesion_mask == tmp_path / paths["seg_path"].lstrip("/")


def test_such_a_file_is_known_by_its_columns(files, tmp_path):
    assert all(map(is_paper_split, files))
    (tmp_path / "other.csv").write_text("case,split\na,test\n")
    assert not is_paper_split(tmp_path / "other.csv")
    assert not is_paper_split(tmp_path / "absent.csv")


@pytest.mark.parametrize("split", ["", "holdout"])
def test_a_file_whose_side_is_not_known_is_refused(split, tmp_path):
    (tmp_path / "fold0.csv").write_text(IXI + ixi_row(1, "IXI901"))
    with pytest.raises(CohortError, match=r"--from fold0\.csv=train"):
        read_paper_splits({tmp_path / "fold0.csv": split})
