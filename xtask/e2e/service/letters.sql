-- Sent letters.
CREATE TABLE letters (recipient TEXT NOT NULL);
