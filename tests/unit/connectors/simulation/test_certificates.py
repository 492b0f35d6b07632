"""Certificates of simulators: for this machine, and for hosts that are named."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509

from connectors.simulation.certificates import ca_bundle


def test_a_server_can_stand_for_other_hosts(tmp_path: Path) -> None:
    """For clients whose login host is fixed; nobody else is vouched for, and the authority's key is not kept."""
    bundle = ca_bundle(tmp_path / "named", names=("login.example.com", "127.0.0.9"))
    named = x509.load_pem_x509_certificates((tmp_path / "named" / "server.pem").read_bytes())[0]
    shown = named.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert shown.get_values_for_type(x509.DNSName) == ["localhost", "login.example.com"]
    assert "127.0.0.9" in map(str, shown.get_values_for_type(x509.IPAddress))
    ca_bundle(tmp_path / "plain")
    plain = x509.load_pem_x509_certificates((tmp_path / "plain" / "server.pem").read_bytes())[0]
    hosts = plain.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert hosts.get_values_for_type(x509.DNSName) == ["localhost"]
    assert b"PRIVATE" not in bundle.read_bytes()
