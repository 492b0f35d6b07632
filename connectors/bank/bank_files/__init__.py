"""Bank statement files of any bank: camt.053, camt.054 and MT940 from a folder, read by content and never by name."""
