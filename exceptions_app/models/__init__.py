"""SQLAlchemy tables, one module per aggregate. Knows no rules: those are in `domain` and `services`."""

from .audit import AuditCheckpoint, AuditEvent, AuditPayload
from .cases import CaseComment, CaseEvidence, ExceptionCase
from .configuration import ConfigSnapshot
from .people import EVERYTHING, Role, UnknownSignIn, User, UserEntity, UserQueue
from .runs import CheckRun, FeedState, Reject, SyncRun
from .tasks import Task
from .types import UtcDateTime

__all__ = [
    "EVERYTHING", "AuditCheckpoint", "AuditEvent", "AuditPayload", "CaseComment", "CaseEvidence", "CheckRun",
    "ConfigSnapshot", "ExceptionCase", "FeedState", "Reject", "Role", "SyncRun", "Task", "UnknownSignIn", "User",
    "UserEntity", "UserQueue", "UtcDateTime",
]  # fmt: skip
