"""Intelligence over HTTP: who is where and why, and any question about many customers."""

from fastapi import APIRouter

from cic.api import exploration, queries, segmentation

router = APIRouter()
router.include_router(segmentation.router)
router.include_router(exploration.router)
router.include_router(queries.router)

__all__ = ["router"]
