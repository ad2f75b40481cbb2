-- Orders of the example.
CREATE TABLE orders (
    id              {% if store == "postgres" %}BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY{% else %}INTEGER PRIMARY KEY AUTOINCREMENT{% endif %},
    item            TEXT NOT NULL,
    quantity        INTEGER NOT NULL,
{%- if worker %}
    charged         BOOLEAN NOT NULL DEFAULT FALSE,
{%- endif %}
    created_at      BIGINT NOT NULL, -- seconds since 1970, UTC
    idempotency_key TEXT UNIQUE      -- {% if worker %}NULL after a day{% else %}kept as long as the order{% endif %}
);
{%- if worker %}

-- Finds the keys that are old enough to be removed.
CREATE INDEX orders_with_key ON orders (created_at) WHERE idempotency_key IS NOT NULL;
{%- endif %}
