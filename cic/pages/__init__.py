"""The pages of intelligence: segments, the segment builder, free questions, boards, the proof."""

from fastapi import APIRouter

from cic.pages import building, exploration, segments

router = APIRouter(include_in_schema=False)
for module in (building, segments, exploration):
    router.include_router(module.router)

__all__ = ["router"]
