"""The API's part for trials of keys: handlers only translate."""

from http import HTTPStatus

from fastapi import APIRouter

from gateway.schemas.trials import Trial, TrialWish
from gateway.service.facade import Facade


def add_trials(router: APIRouter, facade: Facade) -> None:
    """Add the questions that nothing follows from."""
    trials = facade.trials

    @router.post("/trials", status_code=HTTPStatus.CREATED)
    async def begin_trial(wish: TrialWish) -> Trial:
        """Wait half a minute for a key; its next touch opens nothing."""
        return Trial.model_validate(trials.begin(wish.credential_id))

    @router.get("/trials/current")
    async def current_trial() -> Trial | None:
        """Return the trial under way, or the last one, or null."""
        view = trials.current()
        return None if view is None else Trial.model_validate(view)

    @router.delete("/trials/current")
    async def cancel_trial() -> Trial:
        """End the trial under way."""
        return Trial.model_validate(trials.cancel())
