"""Whatever happens to the book: one answer per question, in time, in bounded memory."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
)

from gateway.core.challenge import Challenge, ChallengeBook
from gateway.core.facts import DenialReason
from gateway.core.ids import CredentialId
from tests.desk import at, place

OPEN_MAX, CLOSED_MAX, ANSWERS_MAX = 3, 5, 4
CREDENTIALS = st.sampled_from([CredentialId(bytes((n,)) * 32) for n in range(6)])


class BookMachine(RuleBasedStateMachine):
    questions = Bundle("questions")

    def __init__(self) -> None:
        super().__init__()
        self.book = ChallengeBook(
            place(),
            open_max=OPEN_MAX,
            closed_max=CLOSED_MAX,
            answers_max=ANSWERS_MAX,
        )
        self.up_ms = 1_000
        self.issued = 0
        self.redeemed: set[bytes] = set()
        self.closed: set[bytes] = set()

    @rule(target=questions, credential_id=CREDENTIALS, life_ms=st.integers(1, 500))
    def ask(self, credential_id: CredentialId, life_ms: int) -> Challenge:
        self.issued += 1
        return self.book.issue(
            at(self.up_ms),
            self.issued.to_bytes(32, "big"),
            credential_id=credential_id,
            life_ms=life_ms,
        )

    @rule(question=questions)
    def answer(self, question: Challenge) -> None:
        outcome = self.book.redeem(question.digest, at(self.up_ms))
        if isinstance(outcome, Challenge):
            assert outcome is question
            assert self.up_ms < question.expires_ms
            assert question.digest not in self.redeemed | self.closed
            self.redeemed.add(question.digest)
        else:
            assert outcome in {
                DenialReason.CHALLENGE_UNKNOWN,
                DenialReason.CHALLENGE_USED,
                DenialReason.CHALLENGE_EXPIRED,
            }
            if outcome is DenialReason.CHALLENGE_USED:
                assert question.digest in self.redeemed
        assert not isinstance(
            self.book.redeem(question.digest, at(self.up_ms)), Challenge
        )

    @rule(question=consumes(questions))
    def forget(self, question: Challenge) -> None:
        self.closed.add(question.digest)
        self.book.redeem(question.digest, at(self.up_ms))

    @rule(step_ms=st.integers(0, 400))
    def wait(self, step_ms: int) -> None:
        self.up_ms += step_ms

    @rule()
    def expire(self) -> None:
        for question in self.book.expire(at(self.up_ms)):
            assert question.expires_ms <= self.up_ms
            assert question.digest not in self.redeemed
            self.closed.add(question.digest)
        assert self.book.expire(at(self.up_ms)) == []

    @rule(answer=st.binary(max_size=2))
    def spend(self, answer: bytes) -> None:
        self.book.spend_answer(answer)
        assert not self.book.spend_answer(answer)

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.book) <= OPEN_MAX
        assert len(self.book._closed) <= CLOSED_MAX
        assert len(self.book._answers) <= ANSWERS_MAX

    @invariant()
    def one_question_per_credential(self) -> None:
        asked = [question.credential_id for question in self.book._open.values()]
        assert len(asked) == len(set(asked))


TestBook = BookMachine.TestCase
TestBook.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
