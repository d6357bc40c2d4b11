ALTER TABLE users RENAME kind TO sort;
ALTER TABLE users RENAME email TO mail;
