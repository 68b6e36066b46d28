from pathlib import Path

import pytest

from cic.adapters.duckdb import DuckDbHistory
from cic.adapters.sklearn import CalibratedClassifier
from cic.model import Score, Trait
from cic.scoring import train
from cic.testing import Facts, entries, fact
from cid.kit.clock import DAY
from cid.kit.errors import InvalidDefinition

ORDER, VIEW = "Order Completed", "Product Viewed"
NOW = 600 * DAY


def company(*, interest_matters, customers=400, lag=0):
    """Customers who buy now and then; before they buy, some look around first."""
    import random

    chance = random.Random(5)
    facts = []
    for n in range(customers):
        time = chance.randrange(0, 200) * DAY
        while time < NOW:
            keen = interest_matters and chance.random() < 0.5
            facts.append(
                fact(len(facts) + 1, ORDER, time=time, customer=f"c{n}", received=time + lag)
            )
            wait = chance.randrange(20, 60) if keen else chance.randrange(70, 200)
            for _ in range(chance.randrange(2, 5) if keen else 0):
                viewed = time + chance.randrange(1, 15) * DAY
                facts.append(
                    fact(len(facts) + 1, VIEW, time=viewed, customer=f"c{n}", received=viewed + lag)
                )
            time += wait * DAY
    return Facts(facts)


TRAITS = entries(
    views=Trait(of=(VIEW,), count=True, window="30 d"),
    orders=Trait(of=(ORDER,), count=True, window="365 d"),
    last_view=Trait(of=(VIEW,), last="time"),
    last_channel=Trait(of=(ORDER,), last="source"),
)
SCORE = entries(
    buys_again=Score(event=ORDER, within="60 d", features=("views", "orders", "last view"))
)


@pytest.fixture(scope="module")
def history():
    history = DuckDbHistory(Path(":memory:"))
    history.sync(company(interest_matters=True))
    yield history
    history.close()


@pytest.fixture(scope="module")
def report(history):
    return train(history, SCORE["buys again"], TRAITS, CalibratedClassifier, NOW)


def test_a_model_that_beats_the_baseline_is_published_with_reasons(report):
    assert report.published, report.why
    assert report.gain[1] > 0
    assert report.model.log_loss < report.baseline.log_loss
    assert report.model.auc > report.baseline.auc
    scored = {each.customer: each for each in report.scores}
    assert len(scored) == len(report.scores) > 350
    assert all(0 <= each.probability <= 1 for each in report.scores)
    assert {reason.feature for each in report.scores for reason in each.reasons} <= set(
        report.features
    )
    assert "days since Order Completed" in report.features


def test_probabilities_mean_what_they_say(report):
    off = [abs(said - happened) * n for said, happened, n in report.calibration]
    assert sum(off) / report.tested < 0.08


def test_the_test_moment_is_the_last_complete_one_and_never_learned_from(history, report):
    assert report.moments[-1] == NOW - 60 * DAY
    assert report.to_dict()["knowledge"] == "received"


def test_nothing_after_the_present_is_looked_at(history, report):
    past = NOW - 60 * DAY
    before = train(history, SCORE["buys again"], TRAITS, CalibratedClassifier, past)
    trimmed = DuckDbHistory(Path(":memory:"))
    facts = company(interest_matters=True)
    facts.all = [each for each in facts.all if each.time <= past]
    trimmed.sync(facts)
    alone = train(trimmed, SCORE["buys again"], TRAITS, CalibratedClassifier, past)
    trimmed.close()
    assert before == alone


def test_a_model_without_anything_to_learn_is_not_published():
    history = DuckDbHistory(Path(":memory:"))
    history.sync(company(interest_matters=False))
    report = train(history, SCORE["buys again"], TRAITS, CalibratedClassifier, NOW)
    history.close()
    assert not report.published
    assert report.scores == ()
    assert "not shown to be better" in report.why


def test_too_little_history_is_said_not_papered_over():
    history = DuckDbHistory(Path(":memory:"))
    history.sync(company(interest_matters=True, customers=20))
    report = train(history, SCORE["buys again"], TRAITS, CalibratedClassifier, NOW)
    history.close()
    assert not report.published
    assert "past moments" in report.why


def test_history_loaded_afterwards_is_read_by_event_time_and_says_so():
    history = DuckDbHistory(Path(":memory:"))
    history.sync(company(interest_matters=True, lag=600 * DAY))
    report = train(history, SCORE["buys again"], TRAITS, CalibratedClassifier, NOW)
    history.close()
    assert (report.published, report.knowledge) == (True, "event time")


@pytest.mark.parametrize(
    ("feature", "said"), [("veiws", "Did you mean 'views'"), ("last channel", "text")]
)
def test_a_wrong_feature_is_named(history, feature, said):
    score = entries(buys=Score(event=ORDER, features=(feature,)))
    with pytest.raises(InvalidDefinition, match=said):
        train(history, score["buys"], TRAITS, CalibratedClassifier, NOW)
