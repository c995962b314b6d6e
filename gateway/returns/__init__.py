"""What comes back after sending: bounces, complaints, STOP mails, opens and clicks."""
