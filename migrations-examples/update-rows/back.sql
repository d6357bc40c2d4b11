-- Which rows had their turn depends on when they were written; a turn more changes nothing.
UPDATE users SET status = 'webauthn' WHERE status = 'u2f';
UPDATE users AS u SET email = lower(u.email), status = coalesce(status, 'none');
