"""Is the audit trail what was written?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from predictions.services.audit import chain_heads, verify_chains


class Command(BaseCommand):
    help = (
        "Recompute every audit chain; name the first broken row of each. Keep what it "
        "prints in another place: a tail that was cut off shows only there."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        broken = list(verify_chains())
        for link in broken:
            chain = link.laboratory or "the installation"
            self.stdout.write(f"Chain of {chain}: event {link.sequence} {link.why}.")
        if broken:
            raise CommandError(
                "The audit trail was tampered with. Compare it with a backup."
            )
        self.stdout.write("Every audit chain is whole. Its newest event:")
        for head in chain_heads():
            chain = head.laboratory or "the installation"
            self.stdout.write(f"{chain}: {head.sequence} {head.hash}")
