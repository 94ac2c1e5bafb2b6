"""Lightning leaves nothing behind in the program that calls us."""

import logging
import signal

import pytest
import torch

from mien.training.fit.containment import contain_lightning


def test_what_lightning_sets_is_put_back():
    level = logging.getLogger("lightning.pytorch").level
    with contain_lightning():
        torch.use_deterministic_algorithms(True)
        assert logging.getLogger("lightning.pytorch").level == logging.ERROR != level
        assert not torch.utils.deterministic.fill_uninitialized_memory
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert logging.getLogger("lightning.pytorch").level == level


def test_its_answer_to_ctrl_c_becomes_ours():
    before = signal.getsignal(signal.SIGINT)

    def leave():
        with contain_lightning():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            raise SystemExit(1)

    with pytest.raises(KeyboardInterrupt):
        leave()
    assert signal.getsignal(signal.SIGINT) is before


def test_other_errors_pass():
    with pytest.raises(ZeroDivisionError), contain_lightning():
        raise ZeroDivisionError
