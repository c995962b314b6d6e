"""The scripted internet of the demonstration and of the tests: touches the product only by SMTP, DNS and HTTP."""
