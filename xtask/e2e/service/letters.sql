-- Letters that were sent.
CREATE TABLE letters (recipient TEXT NOT NULL);
