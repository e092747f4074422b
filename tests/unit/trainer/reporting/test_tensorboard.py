"""Event files are written into the run's folder and nowhere else."""

from pathlib import Path

from atlas_trainer.reporting.tensorboard import TensorBoard


def test_a_folder_that_a_link_leads_elsewhere_is_put_aside_and_nothing_is_written_there(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "tensorboard"
    elsewhere.mkdir()
    folder.symlink_to(elsewhere)
    board = TensorBoard(folder, attempt=1)
    board.write(1, "train", {"reward": 0.5})
    board.close()
    assert list(elsewhere.iterdir()) == []
    assert len(board.files()) == 1
    assert not folder.is_symlink()
    assert (tmp_path / "tensorboard.unreadable").is_symlink()
