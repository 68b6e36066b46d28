"""The pages of intelligence: segments, the segment builder, free questions, boards, the proof."""

from fastapi import APIRouter

from cic.pages import boards, building, exploration, segments, traits, verification

router = APIRouter(include_in_schema=False)
for module in (building, segments, traits, verification, exploration, boards):
    router.include_router(module.router)

__all__ = ["router"]
