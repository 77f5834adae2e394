"""When catalogs are transferred: times, time zones, windows. Knows no transfers, no files and no present moment."""
