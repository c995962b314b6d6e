"""What people do with campaigns that exist: who may, what it takes, and how it is carried out."""
