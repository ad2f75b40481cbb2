-- What the suite `store` adds: rows to fight over, and an account of what was done, to be counted afterwards.
CREATE TABLE accounts (
    id      BIGINT PRIMARY KEY,
    balance BIGINT NOT NULL
);
INSERT INTO accounts (id, balance) VALUES (1, 100), (2, 100), (3, 100);

-- A row each time that a charge begins.
CREATE TABLE attempts (order_id BIGINT NOT NULL);

-- The bank's: a row for each call, with its key, and whether the shop had noted that charge by then.
CREATE TABLE bank_calls (
    key           BIGINT NOT NULL,
    order_is_done BOOLEAN NOT NULL
);

-- The keys that the bank has seen; the order's id is the key.
CREATE TABLE bank_keys (key BIGINT PRIMARY KEY);

-- The money that the bank has taken. No constraint: what is taken twice must show.
CREATE TABLE payments (order_id BIGINT NOT NULL);

-- A row for each scheduled run. No constraint: a tick that ran twice must show.
CREATE TABLE ticks (
    scheduled_for BIGINT NOT NULL,
    process       BIGINT NOT NULL
);
