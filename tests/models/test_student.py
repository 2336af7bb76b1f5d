"""The student of a diffusion model: what it learns, from whom, and what stays as it was."""

import copy

import pytest
import torch

from pseudohealthy.data.slices import generator
from pseudohealthy.models.reconstructors.cddpm import CDDPMSettings
from pseudohealthy.models.reconstructors.student import Student, StudentSettings

TEACHER = CDDPMSettings(widths=(16, 16), blocks=1, unshuffle=2, encoder="small", condition=16, test_steps=(250, 500))


def slices(n):
    x = torch.zeros(n, 1, 32, 32)
    x[:, :, 6:26, 6:26] = 0.3 + 0.4 * torch.rand(n, 1, 20, 20, generator=torch.Generator().manual_seed(n))
    return x


@pytest.fixture
def student():
    torch.manual_seed(0)
    made = Student(StudentSettings(TEACHER))
    for parameter in made.teacher.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return made.train()


def test_its_target_is_the_mean_of_the_teachers_views_of_painted_slices(student):
    x, asked = slices(8), []
    taught = torch.full_like(x, 0.25)  # on [-1, 1]: -0.5; an untrained student gives 0
    student.teacher.reconstruct = lambda painted, rng: asked.append(painted) or taught
    assert student.loss(x, generator(0, 0, "test")).item() == pytest.approx(0.5, abs=1e-6)
    changed = (asked[0] != x).flatten(1).any(dim=1)
    assert 0 < changed.sum() < 8
    assert torch.equal(asked[0][x == 0], x[x == 0])


def test_both_kinds_of_paint_are_seen(student, monkeypatch):
    from pseudohealthy.models.reconstructors import student as module

    used = []
    for name in ("BlobAnomaly", "DraemAnomaly"):
        kind = getattr(module, name)
        monkeypatch.setattr(module, name, lambda kind=kind, name=name: used.append(name) or kind())
    for step in range(12):
        student.loss(slices(2), generator(0, step, "test"))
    assert set(used) == {"BlobAnomaly", "DraemAnomaly"}


def test_parts_of_a_batch_make_up_the_whole(student):
    x = slices(6)
    whole = student.loss(x, generator(1, 0, "test"))
    parts = [student.loss(x, generator(1, 0, "test"), rows) for rows in (slice(0, 3), slice(3, 6))]
    torch.testing.assert_close(torch.stack(parts).mean(), whole)


def test_the_teacher_is_not_changed_and_the_student_comes_closer_to_it(student):
    before, optimiser = copy.deepcopy(student), torch.optim.AdamW(student.parameters(), 3e-3, weight_decay=0.01)
    for step in range(30):
        optimiser.zero_grad()
        student.loss(slices(8), generator(0, step, "test")).backward()
        optimiser.step()
    for name, value in student.teacher.state_dict().items():
        assert torch.equal(value, before.teacher.state_dict()[name]), name
    x = slices(9)
    taught = student.teacher.reconstruct(x, generator(5))
    assert not student.teacher.training
    errors = [(each.reconstruct(x, generator(5)) - taught).abs().mean() for each in (student, before)]
    assert errors[0] < 0.5 * errors[1]


def test_one_pass_draws_nothing(student):
    rng = generator(3)
    state = rng.get_state()
    assert len(student.views(slices(3), rng)) == 1
    assert torch.equal(rng.get_state(), state)


def test_settings_without_a_teachers_training_are_refused():
    with pytest.raises(ValueError, match="teacher_steps 0 is not 1 or more"):
        StudentSettings(TEACHER, teacher_steps=0)
