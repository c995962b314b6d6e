"""What an account keeps beside its campaigns: who gets no mail, who agreed to be followed, who it sends as."""
