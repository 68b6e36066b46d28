"""The eight people whose stories the tutorial, the demo, the tests and the screenshots tell."""

from __future__ import annotations

from typing import Final

PEOPLE: Final[dict[str, dict[str, str]]] = {
    "Ann Keller": {
        "name": "Ann Keller",
        "user_id": "u-ann-keller",
        "email": "ann.keller@post.example",
        "phone": "+494066969901",
        "erp_id": "E-90001",
        # The telephone on which she browses as a stranger.
        "anonymous_id": "d-ann-phone",
        "laptop": "d-ann-laptop",
    },
    "Wang Fang": {
        "name": "王芳",
        "user_id": "u-wangfang",
        "email": "wangfang88@mail.example",
        "phone": "+8617000009902",
        "card": "NL600001",
        "crm_id": "C-90002",
        # 王舫 sounds the same: her sister, whose card carries the family's number.
        "sister": "王舫",
        "sister_card": "NL600002",
        # The edge that turns out to be wrong is between these two.
        "wrong_edge_a": "card:NL600002",
        "wrong_edge_b": "phone:+8617000009902",
    },
    "Club Alpin de Lyon": {
        "name": "Club Alpin de Lyon",
        "crm_id": "C-80001",
        "erp_id": "E-80001",
        "email": "contact@clubalpin-lyon.example",
        "phone": "+33465719903",
        "first_member_card": "NL610001",
        "last_member_card": "NL610080",
    },
    "Jonas Brandt": {
        "name": "Jonas Brandt",
        "user_id": "u-jonas-brandt",
        "email": "jonas.brandt@post.example",
        "phone": "+494066969904",
        "card": "NL600004",
        "erp_id": "E-90004",
        "anonymous_id": "d-jonas",
    },
    "Marie Dubois": {
        "name": "Marie Dubois",
        "user_id": "u-marie-dubois",
        "email": "marie.dubois@courriel.example",
        "phone": "+33639989905",
        "crm_id": "C-90005",
        "erp_id": "E-90005",
        "anonymous_id": "d-marie",
        "old_street": "12 rue Mercière",
        "new_street": "4 quai Saint-Antoine",
    },
    "Li Wei": {
        "name": "李伟",
        "user_id": "u-liwei",
        "email": "liwei@mail.example",
        "phone": "+8617000009906",
        "card": "NL600006",
        "erp_id": "E-90006",
        "anonymous_id": "d-liwei",
        "case_id": "T-LIWEI",
    },
    "Emma Roth": {
        "name": "Emma Roth",
        "user_id": "u-emma-roth",
        "email": "emma.roth@post.example",
        "phone": "+494066969907",
        "card": "NL600007",
        "erp_id": "E-90007",
        "anonymous_id": "d-emma",
    },
    "Guide school Chamonix": {
        "name": "Guide school Chamonix",
        "crm_id": "C-80008",
        "erp_id": "E-80008",
        "email": "bureau@guides-chamonix.example",
        "phone": "+33465719908",
        "opportunity_id": "O-CHAMONIX",
        "renewal_id": "O-CHAMONIX-NEXT",
    },
}
"""Name → identifiers and story facts. Identifier keys are the kinds of ``identity.yaml``."""
