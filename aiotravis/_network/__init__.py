"""What REST and the live channel share on their way to a server: proxies, and the reasons of failures."""
