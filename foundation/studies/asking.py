"""Ask a model one question, and make a cell of what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from foundation.prompts import PromptKind, Prompts, converter_called
from foundation.segmenters import MissingWeightsError, Segmenter, UnsupportedPromptError
from foundation.segmenters.on_grid import boxes_on
from foundation.studies.cells import (
    DONE,
    EMPTY_PROMPT,
    EMPTY_RESULT,
    EMPTY_TRUTH,
    ERROR,
    UNSUPPORTED,
    StudyCell,
)
from foundation.studies.scores import score_mask
from regkit.errors import InputError
from regkit.volume import Labels, Volume


@dataclass(frozen=True, eq=False)
class Question:
    """What a model is asked about one structure.

    Parameters
    ----------
    cell
        All that is known before the answer; its status is that of a question that needs none, such
        as ``empty_prompt``, and ``done`` otherwise.
    prompts
        What the model is told.
    truth
        ``(1, i, j, k)`` on the grid of the image, 1 inside the structure.
    """

    cell: StudyCell
    prompts: Prompts
    truth: Labels


NO_PROMPTS = Prompts()


def prompts_of(converter: str, truth: Labels) -> Prompts:
    """Make the prompt of a structure from the truth; :data:`NO_PROMPTS` where it is not there.

    Parameters
    ----------
    converter
        The name of a converter, such as ``mask``, ``box`` or ``points``.
    truth
        ``(1, i, j, k)``, 1 inside the structure.
    """
    return converter_called(converter)(truth) if bool(truth.data.any()) else NO_PROMPTS


def unanswerable(cell: StudyCell, truth: Labels, *, empty: bool) -> StudyCell:
    """Mark a question that no model could answer: nothing is there, or nothing was told.

    Parameters
    ----------
    cell
        The question.
    truth
        ``(1, i, j, k)``, 1 inside the structure.
    empty
        Nothing is left of the prompt.
    """
    if not bool(truth.data.any()):
        return replace(cell, status=EMPTY_TRUTH, message="the label map has no such structure")
    if empty:
        return replace(cell, status=EMPTY_PROMPT, message="nothing is left of the prompt")
    return cell


def ask(model: Segmenter, question: Question, tolerance: float) -> StudyCell:
    """Return the cell of an answer; what goes wrong becomes its status and message.

    Parameters
    ----------
    model
        It has been shown the image.
    question
        What it is asked.
    tolerance
        Of the surface Dice, in world units.
    """
    cell = question.cell
    if cell.status != DONE:
        return cell
    mask = answer(model, question.prompts)
    if isinstance(mask, tuple):
        return replace(cell, status=mask[0], message=mask[1])
    if not _same_grid(mask, question.truth):
        said = f"the model returned {mask.grid!r}, not the grid of the image"
        return replace(cell, status=ERROR, message=said)
    score = score_mask(mask, question.truth, tolerance)
    state = DONE if bool(mask.data.any()) else EMPTY_RESULT
    return replace(cell, status=state, prompt_dice=_prompt_dice(question), **vars(score))


def answer(model: Segmenter, prompts: Prompts) -> Labels | tuple[str, str]:
    """Return what a model finds, or why it does not answer: a status and a message.

    A model that knows several structures by name must be told which one: without it would return
    all of them together.

    Parameters
    ----------
    model
        It has been shown an image.
    prompts
        What it is told.
    """
    classes = model.capabilities.classes
    if prompts.kinds == (PromptKind.NONE,) and len(classes) > 1:
        names = ", ".join(classes)
        return UNSUPPORTED, f"{model.name} knows several structures ({names:.200}); ask by class"
    try:
        return model.segment(prompts).mask
    except UnsupportedPromptError as error:
        return UNSUPPORTED, _said(error)
    except Exception as error:  # whatever a model of somebody else raises is a result of the study
        return ERROR, _said(error)


def show(open_model: Callable[[], Segmenter], image: Volume) -> Segmenter | tuple[str, str]:
    """Open a model and show it the image, or say why that cannot be: a status and a message.

    Parameters
    ----------
    open_model
        Returns it.
    image
        ``(C, i, j, k)``.
    """
    try:
        model = open_model()
        if not model.capabilities.trained:
            return UNSUPPORTED, f"{model.name} has random weights, so its answers are no results"
        model.set_image(image)
    except (MissingWeightsError, UnsupportedPromptError) as error:
        return UNSUPPORTED, _said(error)
    except Exception as error:  # as in `answer`
        return ERROR, _said(error)
    return model


def _same_grid(mask: Labels, truth: Labels) -> bool:
    return mask.grid.shape == truth.grid.shape and mask.grid.lies_on(truth.grid)


def _prompt_dice(question: Question) -> float | None:
    """Dice of the prompt itself, a mask on the grid of the image or a box filled."""
    prompts, grid = question.prompts, question.truth.grid
    if prompts.kinds == (PromptKind.BOX,):
        inside = boxes_on(prompts.boxes, grid)
    elif prompts.mask is not None and prompts.mask.grid.lies_on(grid):
        inside = prompts.mask.data[:1] > 0.5
    else:
        return None
    truth = question.truth.data > 0
    both, one, other = (int(x.count_nonzero()) for x in (inside & truth, inside, truth))
    return 2 * both / (one + other)


def _said(error: Any) -> str:
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, InputError) else f"{type(error).__name__}: {text}"
