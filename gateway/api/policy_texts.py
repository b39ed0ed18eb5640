"""The API's part for policies; ordering one is an order like any other."""

from fastapi import APIRouter

from gateway.schemas.policy_text import KeptPolicy, PolicyDigest, PolicyInForce
from gateway.service.facade import PolicyFacade


def add_policy_texts(router: APIRouter, policies: PolicyFacade) -> None:
    """Add what can be read of policies."""

    @router.get("/policy")
    async def policy() -> PolicyInForce:
        """Return the policy that decides."""
        return PolicyInForce.model_validate(policies.view())

    @router.get("/policies/{sha256}")
    async def kept_policy(sha256: PolicyDigest) -> KeptPolicy:
        """Return a policy that was ordered once, by its hash."""
        return KeptPolicy(sha256=sha256, text=policies.text(sha256))
