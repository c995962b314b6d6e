-- scripts/old_database.py 0001
BEGIN TRANSACTION;
CREATE TABLE accounts (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	legal_name TEXT DEFAULT '' NOT NULL, 
	address TEXT DEFAULT '' NOT NULL, 
	locale TEXT DEFAULT 'fr' NOT NULL, 
	timezone TEXT DEFAULT 'Europe/Paris' NOT NULL, 
	suspended BOOLEAN DEFAULT (false) NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_accounts PRIMARY KEY (id), 
	CONSTRAINT uq_accounts_name UNIQUE (name)
);
INSERT INTO "accounts" VALUES(1,'Name 1','legal_name 1','p1@dest.test','fr','Europe/Paris',1,1);
INSERT INTO "accounts" VALUES(2,'Name 2','legal_name 2','p2@dest.test','fr','Europe/Paris',0,2);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE attestations (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	"by" TEXT NOT NULL, 
	wording TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	withdrawn_at BIGINT, 
	CONSTRAINT pk_attestations PRIMARY KEY (id), 
	CONSTRAINT fk_attestations_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);
INSERT INTO "attestations" VALUES(1,1,'by 1','wording 1',1,1);
INSERT INTO "attestations" VALUES(2,2,'by 2','wording 2',2,2);
CREATE TABLE blobs (
	id INTEGER NOT NULL, 
	sha256 BLOB NOT NULL, 
	size INTEGER NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_blobs PRIMARY KEY (id)
);
INSERT INTO "blobs" VALUES(1,X'01010101010101010101010101010101',1,X'01010101010101010101010101010101');
INSERT INTO "blobs" VALUES(2,X'02020202020202020202020202020202',2,X'02020202020202020202020202020202');
CREATE TABLE campaigns (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	sender_id INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	name TEXT NOT NULL, 
	from_name TEXT NOT NULL, 
	from_address TEXT NOT NULL, 
	reply_to TEXT NOT NULL, 
	message_id TEXT NOT NULL, 
	message_key TEXT NOT NULL, 
	locale TEXT NOT NULL, 
	timezone TEXT NOT NULL, 
	columns TEXT NOT NULL, 
	address_column INTEGER NOT NULL, 
	options TEXT NOT NULL, 
	held TEXT DEFAULT '[]' NOT NULL, 
	links TEXT DEFAULT '[]' NOT NULL, 
	blob_id INTEGER NOT NULL, 
	report_hash BLOB, 
	lines INTEGER DEFAULT '0' NOT NULL, 
	invalid INTEGER DEFAULT '0' NOT NULL, 
	duplicate INTEGER DEFAULT '0' NOT NULL, 
	suppressed INTEGER DEFAULT '0' NOT NULL, 
	recipients INTEGER DEFAULT '0' NOT NULL, 
	created_at BIGINT NOT NULL, 
	send_at BIGINT NOT NULL, 
	started_at BIGINT, 
	finished_at BIGINT, 
	CONSTRAINT pk_campaigns PRIMARY KEY (id), 
	CONSTRAINT fk_campaigns_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_campaigns_blob_id FOREIGN KEY(blob_id) REFERENCES blobs (id), 
	CONSTRAINT fk_campaigns_sender_id FOREIGN KEY(sender_id) REFERENCES senders (id), 
	CONSTRAINT uq_campaigns_account_id_message_key UNIQUE (account_id, message_key), 
	CONSTRAINT uq_campaigns_report_hash UNIQUE (report_hash)
);
INSERT INTO "campaigns" VALUES(1,1,1,'finished','subject 1','Name 1','from_name 1','from_address 1','reply_to 1','message_id 1','message_key 1','fr','Europe/Paris','["Email", "Nom"]',0,'{"bulk": true}','[]','[]',1,X'01010101010101010101010101010101',1,0,0,0,1,1,1,1,1);
INSERT INTO "campaigns" VALUES(2,2,2,'finished','subject 2','Name 2','from_name 2','from_address 2','reply_to 2','message_id 2','message_key 2','fr','Europe/Paris','["Email", "Nom"]',0,'{"bulk": true}','[]','[]',2,X'02020202020202020202020202020202',1,0,0,0,1,2,2,2,2);
CREATE TABLE curves (
	campaign_id INTEGER NOT NULL, 
	slot BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	n BIGINT NOT NULL, 
	CONSTRAINT pk_curves PRIMARY KEY (campaign_id, slot, name), 
	CONSTRAINT fk_curves_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
INSERT INTO "curves" VALUES(1,1,'Name 1',1);
INSERT INTO "curves" VALUES(2,2,'Name 2',2);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	recipient_id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	kind SMALLINT NOT NULL, 
	machine BOOLEAN NOT NULL, 
	detail TEXT NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id)
);
INSERT INTO "events" VALUES(1,1,1,1,0,0,'{}');
INSERT INTO "events" VALUES(2,2,2,2,0,0,'{}');
CREATE TABLE faults (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	line INTEGER NOT NULL, 
	part SMALLINT NOT NULL, 
	address TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	fields TEXT NOT NULL, 
	CONSTRAINT pk_faults PRIMARY KEY (id), 
	CONSTRAINT fk_faults_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
INSERT INTO "faults" VALUES(1,1,1,0,'p1@dest.test','kind 1','{}','["p@dest.test", "Nom"]');
INSERT INTO "faults" VALUES(2,2,2,0,'p2@dest.test','kind 2','{}','["p@dest.test", "Nom"]');
CREATE TABLE key_ids (
	purpose TEXT NOT NULL, 
	key_id INTEGER NOT NULL, 
	fingerprint BLOB NOT NULL, 
	CONSTRAINT pk_key_ids PRIMARY KEY (purpose, key_id)
);
INSERT INTO "key_ids" VALUES('purpose 1',1,X'01010101010101010101010101010101');
INSERT INTO "key_ids" VALUES('purpose 2',2,X'02020202020202020202020202020202');
CREATE TABLE logins (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	login TEXT NOT NULL, 
	password_hash TEXT NOT NULL, 
	role TEXT DEFAULT 'admin' NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_logins PRIMARY KEY (id), 
	CONSTRAINT fk_logins_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT uq_logins_login UNIQUE (login)
);
INSERT INTO "logins" VALUES(1,1,'login 1','password_hash 1','admin',1);
INSERT INTO "logins" VALUES(2,2,'login 2','password_hash 2','admin',2);
CREATE TABLE notices (
	id INTEGER NOT NULL, 
	campaign_id INTEGER, 
	address TEXT NOT NULL, 
	raw BLOB NOT NULL, 
	created_at BIGINT NOT NULL, 
	attempts SMALLINT NOT NULL, 
	owner INTEGER, 
	next_attempt_at BIGINT, 
	first_attempt_at BIGINT, 
	delivered_at BIGINT, 
	reply TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_notices PRIMARY KEY (id), 
	CONSTRAINT fk_notices_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
INSERT INTO "notices" VALUES(1,1,'p1@dest.test',X'01010101010101010101010101010101',1,1,NULL,NULL,1,1,'reply 1');
INSERT INTO "notices" VALUES(2,2,'p2@dest.test',X'02020202020202020202020202020202',2,2,NULL,NULL,2,2,'reply 2');
CREATE TABLE recipients (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	line INTEGER NOT NULL, 
	part SMALLINT DEFAULT '0' NOT NULL, 
	address TEXT NOT NULL, 
	name TEXT NOT NULL, 
	fields TEXT NOT NULL, 
	tracked SMALLINT NOT NULL, 
	status SMALLINT NOT NULL, 
	attempts SMALLINT NOT NULL, 
	owner INTEGER, 
	next_attempt_at BIGINT, 
	first_attempt_at BIGINT, 
	last_at BIGINT, 
	delivered_at BIGINT, 
	bounced_at BIGINT, 
	opened_at BIGINT, 
	clicked_at BIGINT, 
	unsubscribed_at BIGINT, 
	complained_at BIGINT, 
	clicks INTEGER NOT NULL, 
	reply TEXT NOT NULL, 
	CONSTRAINT pk_recipients PRIMARY KEY (id), 
	CONSTRAINT fk_recipients_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
INSERT INTO "recipients" VALUES(1,1,1,0,'p1@dest.test','Name 1','["p@dest.test", "Nom"]',0,6,1,NULL,NULL,1,1,1,1,1,1,1,1,1,'reply 1');
INSERT INTO "recipients" VALUES(2,2,2,0,'p2@dest.test','Name 2','["p@dest.test", "Nom"]',0,6,2,NULL,NULL,2,2,2,2,2,2,2,2,2,'reply 2');
CREATE TABLE senders (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	address TEXT NOT NULL, 
	address_key TEXT NOT NULL, 
	name TEXT DEFAULT '' NOT NULL, 
	verified_at BIGINT, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_senders PRIMARY KEY (id), 
	CONSTRAINT fk_senders_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT uq_senders_address_key UNIQUE (address_key)
);
INSERT INTO "senders" VALUES(1,1,'p1@dest.test','p1@dest.test','Name 1',1,1);
INSERT INTO "senders" VALUES(2,2,'p2@dest.test','p2@dest.test','Name 2',2,2);
CREATE TABLE suppressions (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	"key" BLOB NOT NULL, 
	address TEXT, 
	reason TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	campaign_id INTEGER, 
	CONSTRAINT pk_suppressions PRIMARY KEY (id), 
	CONSTRAINT uq_suppressions_account_id_key UNIQUE (account_id, "key")
);
INSERT INTO "suppressions" VALUES(1,1,X'01010101010101010101010101010101','p1@dest.test','manual',1,1);
INSERT INTO "suppressions" VALUES(2,2,X'02020202020202020202020202020202','p2@dest.test','manual',2,2);
CREATE TABLE tallies (
	campaign_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	n BIGINT NOT NULL, 
	CONSTRAINT pk_tallies PRIMARY KEY (campaign_id, name), 
	CONSTRAINT fk_tallies_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
INSERT INTO "tallies" VALUES(1,'status:6',1);
INSERT INTO "tallies" VALUES(2,'status:6',1);
CREATE TABLE workers (
	id INTEGER NOT NULL, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	joined_at BIGINT NOT NULL, 
	seen_at BIGINT NOT NULL, 
	retired_at BIGINT, 
	CONSTRAINT pk_workers PRIMARY KEY (id)
);
INSERT INTO "workers" VALUES(1,'host 1',1,1,1,1);
INSERT INTO "workers" VALUES(2,'host 2',2,2,2,1);
CREATE INDEX ix_events_recipient_id ON events (recipient_id);
CREATE INDEX ix_workers_live ON workers (seen_at) WHERE retired_at IS NULL;
CREATE INDEX ix_attestations_account_id ON attestations (account_id);
CREATE INDEX ix_senders_account_id ON senders (account_id);
CREATE INDEX ix_campaigns_account_id_created_at ON campaigns (account_id, created_at);
CREATE INDEX ix_campaigns_state_send_at ON campaigns (state, send_at);
CREATE INDEX ix_faults_campaign_id ON faults (campaign_id);
CREATE INDEX ix_notices_campaign_id ON notices (campaign_id);
CREATE INDEX ix_notices_due ON notices (next_attempt_at) WHERE next_attempt_at IS NOT NULL AND owner IS NULL;
CREATE INDEX ix_recipients_campaign_id_status ON recipients (campaign_id, status, id);
CREATE INDEX ix_recipients_due ON recipients (campaign_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL AND owner IS NULL;
CREATE INDEX ix_recipients_owner ON recipients (owner) WHERE owner IS NOT NULL;
COMMIT;
