"""What `doctor` answers."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unet_studio.doctor import Report


def doctor_text(report: "Report") -> str:
    """What the doctor found, and what to do about it."""
    lines = [f"{name:24} {version}" for name, version in report.versions.items()]
    lines += [f"{'platform':24} {report.platform}", f"{'cores':24} {report.cores}"]
    if report.network:
        network = report.network
        lines += [f"{'device':24} {network.device} ({network.backend})", f"{'':24} {network.reason}"]
        if network.proposal_seconds is not None and network.step_seconds is not None:
            lines += [
                f"{'512 × 512 proposal':24} {network.proposal_seconds:.2f} s ({network.model})",
                f"{'training step':24} {network.step_seconds:.2f} s (recipe retrain)",
            ]
    if report.problem:
        lines.append(report.problem)
    if report.missing_packages:
        lines.append(
            "The window needs libraries that this computer lacks; on Debian and Ubuntu:\n"
            f"  sudo apt-get install {' '.join(report.missing_packages)}"
        )
    return "\n".join(lines)
