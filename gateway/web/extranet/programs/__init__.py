"""What programs of an account use: keys with which they call, webhooks by which they are called."""
