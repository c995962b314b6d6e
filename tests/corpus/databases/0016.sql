-- scripts/old_database.py 0016
BEGIN TRANSACTION;
CREATE TABLE account_days (
	account_id INTEGER NOT NULL, 
	day INTEGER NOT NULL, 
	claimed INTEGER DEFAULT '0' NOT NULL, 
	final INTEGER DEFAULT '0' NOT NULL, 
	hard INTEGER DEFAULT '0' NOT NULL, 
	complaints INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_account_days PRIMARY KEY (account_id, day)
);
INSERT INTO "account_days" VALUES(1,1,1,1,1,1);
INSERT INTO "account_days" VALUES(2,2,2,2,2,2);
CREATE TABLE account_habits (
	account_id INTEGER NOT NULL, 
	validation BOOLEAN DEFAULT (false) NOT NULL, 
	CONSTRAINT pk_account_habits PRIMARY KEY (account_id), 
	CONSTRAINT fk_account_habits_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);
INSERT INTO "account_habits" VALUES(1,1);
INSERT INTO "account_habits" VALUES(2,0);
CREATE TABLE account_rules (
	account_id INTEGER NOT NULL, 
	unaligned TEXT DEFAULT 'via' NOT NULL, 
	advice_holds BOOLEAN DEFAULT (false) NOT NULL, leaving TEXT DEFAULT 'account' NOT NULL, 
	CONSTRAINT pk_account_rules PRIMARY KEY (account_id), 
	CONSTRAINT fk_account_rules_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);
INSERT INTO "account_rules" VALUES(1,'unaligned 1',1,'leaving 1');
INSERT INTO "account_rules" VALUES(2,'unaligned 2',0,'leaving 2');
CREATE TABLE "accounts" (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	legal_name TEXT DEFAULT ('') NOT NULL, 
	address TEXT DEFAULT ('') NOT NULL, 
	locale TEXT DEFAULT 'fr' NOT NULL, 
	timezone TEXT DEFAULT 'Europe/Paris' NOT NULL, 
	suspended BOOLEAN DEFAULT (false) NOT NULL, 
	created_at BIGINT NOT NULL, 
	pool TEXT DEFAULT 'shared' NOT NULL, 
	per_day INTEGER, 
	hygiene BOOLEAN DEFAULT (false) NOT NULL, transactional_per_hour INTEGER, 
	CONSTRAINT pk_accounts PRIMARY KEY (id), 
	CONSTRAINT uq_accounts_name UNIQUE (name)
);
INSERT INTO "accounts" VALUES(1,'Name 1','legal_name 1','p1@dest.test','fr','Europe/Paris',1,1,'pool 1',1,1,1);
INSERT INTO "accounts" VALUES(2,'Name 2','legal_name 2','p2@dest.test','fr','Europe/Paris',0,2,'pool 2',2,0,2);
CREATE TABLE action_lists (
	action_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_action_lists PRIMARY KEY (action_id), 
	CONSTRAINT fk_action_lists_action_id FOREIGN KEY(action_id) REFERENCES actions (id)
);
INSERT INTO "action_lists" VALUES(1,'Name 1',X'01010101010101010101010101010101');
INSERT INTO "action_lists" VALUES(2,'Name 2',X'02020202020202020202020202020202');
CREATE TABLE actions (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	power TEXT NOT NULL, 
	stage TEXT NOT NULL, 
	via TEXT NOT NULL, 
	who TEXT NOT NULL, 
	once TEXT NOT NULL, 
	wish TEXT NOT NULL, 
	outcome TEXT DEFAULT '{}' NOT NULL, 
	at BIGINT NOT NULL, 
	done_at BIGINT, 
	expires_at BIGINT, 
	told_at BIGINT, 
	CONSTRAINT pk_actions PRIMARY KEY (id), 
	CONSTRAINT fk_actions_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaigns (id), 
	CONSTRAINT uq_actions_account_id UNIQUE (account_id, once)
);
INSERT INTO "actions" VALUES(1,1,1,'power 1','stage 1','via 1','who 1','once 1','wish 1','outcome 1',1,1,1,1);
INSERT INTO "actions" VALUES(2,2,2,'power 2','stage 2','via 2','who 2','once 2','wish 2','outcome 2',2,2,2,2);
CREATE TABLE agent_counts (
	campaign_id INTEGER NOT NULL, 
	kind SMALLINT NOT NULL, 
	system TEXT NOT NULL, 
	form TEXT NOT NULL, 
	client TEXT NOT NULL, 
	n BIGINT NOT NULL, 
	CONSTRAINT pk_agent_counts PRIMARY KEY (campaign_id, kind, system, form, client), 
	CONSTRAINT fk_agent_counts_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
INSERT INTO "agent_counts" VALUES(1,1,'system 1','form 1','client 1',1);
INSERT INTO "agent_counts" VALUES(2,2,'system 2','form 2','client 2',2);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0016');
CREATE TABLE anonymous_hits (
	campaign_id INTEGER NOT NULL, 
	link INTEGER NOT NULL, 
	machine BOOLEAN NOT NULL, 
	n BIGINT NOT NULL, 
	CONSTRAINT pk_anonymous_hits PRIMARY KEY (campaign_id, link, machine)
);
INSERT INTO "anonymous_hits" VALUES(1,1,0,1);
INSERT INTO "anonymous_hits" VALUES(2,2,0,2);
CREATE TABLE api_keys (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	public TEXT NOT NULL, 
	digest BLOB NOT NULL, 
	label TEXT DEFAULT '' NOT NULL, 
	scopes TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT, 
	revoked_at BIGINT, 
	used_at BIGINT, 
	CONSTRAINT pk_api_keys PRIMARY KEY (id), 
	CONSTRAINT fk_api_keys_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT uq_api_keys_public UNIQUE (public)
);
INSERT INTO "api_keys" VALUES(1,1,'public 1',X'01010101010101010101010101010101','label 1','scopes 1',1,1,1,1);
INSERT INTO "api_keys" VALUES(2,2,'public 2',X'02020202020202020202020202020202','label 2','scopes 2',2,2,2,2);
CREATE TABLE api_requests (
	account_id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	fingerprint BLOB NOT NULL, 
	created_at BIGINT NOT NULL, 
	status SMALLINT, 
	headers TEXT DEFAULT '{}' NOT NULL, 
	body BLOB, 
	CONSTRAINT pk_api_requests PRIMARY KEY (account_id, "key"), 
	CONSTRAINT fk_api_requests_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);
INSERT INTO "api_requests" VALUES(1,'key 1',X'01010101010101010101010101010101',1,1,'headers 1',X'01010101010101010101010101010101');
INSERT INTO "api_requests" VALUES(2,'key 2',X'02020202020202020202020202020202',2,2,'headers 2',X'02020202020202020202020202020202');
CREATE TABLE app_passwords (
	id INTEGER NOT NULL, 
	login_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	digest BLOB NOT NULL, 
	created_at BIGINT NOT NULL, 
	used_at BIGINT, 
	CONSTRAINT pk_app_passwords PRIMARY KEY (id), 
	CONSTRAINT fk_app_passwords_login_id FOREIGN KEY(login_id) REFERENCES logins (id)
);
INSERT INTO "app_passwords" VALUES(1,1,'Name 1',X'01010101010101010101010101010101',1,1);
INSERT INTO "app_passwords" VALUES(2,2,'Name 2',X'02020202020202020202020202020202',2,2);
CREATE TABLE attestations (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	"by" TEXT NOT NULL, 
	wording TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	withdrawn_at BIGINT, withdrawn_by TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_attestations PRIMARY KEY (id), 
	CONSTRAINT fk_attestations_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);
INSERT INTO "attestations" VALUES(1,1,'by 1','wording 1',1,1,'withdrawn_by 1');
INSERT INTO "attestations" VALUES(2,2,'by 2','wording 2',2,2,'withdrawn_by 2');
CREATE TABLE blobs (
	id INTEGER NOT NULL, 
	sha256 BLOB NOT NULL, 
	size INTEGER NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_blobs PRIMARY KEY (id)
);
INSERT INTO "blobs" VALUES(1,X'01010101010101010101010101010101',1,X'01010101010101010101010101010101');
INSERT INTO "blobs" VALUES(2,X'02020202020202020202020202020202',2,X'02020202020202020202020202020202');
CREATE TABLE brakes (
	campaign_id INTEGER NOT NULL, 
	reason TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	count INTEGER NOT NULL, 
	answers INTEGER NOT NULL, 
	paused BOOLEAN NOT NULL, 
	told BOOLEAN NOT NULL, 
	CONSTRAINT pk_brakes PRIMARY KEY (campaign_id, reason)
);
INSERT INTO "brakes" VALUES(1,'reason 1',1,1,1,1,1);
INSERT INTO "brakes" VALUES(2,'reason 2',2,2,2,0,0);
CREATE TABLE campaign_advice (
	campaign_id INTEGER NOT NULL, 
	findings TEXT NOT NULL, 
	CONSTRAINT pk_campaign_advice PRIMARY KEY (campaign_id), 
	CONSTRAINT fk_campaign_advice_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
INSERT INTO "campaign_advice" VALUES(1,'[]');
INSERT INTO "campaign_advice" VALUES(2,'[]');
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
	finished_at BIGINT, paced_until BIGINT, erased_at BIGINT, 
	CONSTRAINT pk_campaigns PRIMARY KEY (id), 
	CONSTRAINT fk_campaigns_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_campaigns_blob_id FOREIGN KEY(blob_id) REFERENCES blobs (id), 
	CONSTRAINT fk_campaigns_sender_id FOREIGN KEY(sender_id) REFERENCES senders (id), 
	CONSTRAINT uq_campaigns_account_id_message_key UNIQUE (account_id, message_key), 
	CONSTRAINT uq_campaigns_report_hash UNIQUE (report_hash)
);
INSERT INTO "campaigns" VALUES(1,1,1,'finished','subject 1','Name 1','from_name 1','from_address 1','reply_to 1','message_id 1','message_key 1','fr','Europe/Paris','["Email", "Nom"]',0,'{"bulk": true}','[]','[]',1,X'01010101010101010101010101010101',1,0,0,0,1,1,1,1,1,1,NULL);
INSERT INTO "campaigns" VALUES(2,2,2,'finished','subject 2','Name 2','from_name 2','from_address 2','reply_to 2','message_id 2','message_key 2','fr','Europe/Paris','["Email", "Nom"]',0,'{"bulk": true}','[]','[]',2,X'02020202020202020202020202020202',1,0,0,0,1,2,2,2,2,2,NULL);
CREATE TABLE comebacks (
	recipient_id INTEGER NOT NULL, 
	asked_at BIGINT NOT NULL, 
	sent_at BIGINT, 
	CONSTRAINT pk_comebacks PRIMARY KEY (recipient_id)
);
INSERT INTO "comebacks" VALUES(1,1,1);
INSERT INTO "comebacks" VALUES(2,2,2);
CREATE TABLE complaint_days (
	source TEXT NOT NULL, 
	day INTEGER NOT NULL, 
	provider TEXT NOT NULL, 
	ip TEXT NOT NULL, 
	n INTEGER NOT NULL, 
	CONSTRAINT pk_complaint_days PRIMARY KEY (source, day, provider, ip)
);
INSERT INTO "complaint_days" VALUES('source 1',1,'provider 1','ip 1',1);
INSERT INTO "complaint_days" VALUES('source 2',2,'provider 2','ip 2',2);
CREATE TABLE consents (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	"key" BLOB NOT NULL, 
	address TEXT, 
	purpose TEXT DEFAULT 'tracking' NOT NULL, 
	agreed BOOLEAN NOT NULL, 
	personal BOOLEAN NOT NULL, 
	at BIGINT NOT NULL, 
	source TEXT NOT NULL, 
	wording TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	campaign_id INTEGER, 
	recorded_at BIGINT NOT NULL, 
	CONSTRAINT pk_consents PRIMARY KEY (id)
);
INSERT INTO "consents" VALUES(1,1,X'01010101010101010101010101010101','p1@dest.test','purpose 1',1,1,1,'source 1','wording 1','by 1',1,1);
INSERT INTO "consents" VALUES(2,2,X'02020202020202020202020202020202','p2@dest.test','purpose 2',0,0,2,'source 2','wording 2','by 2',2,2);
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
CREATE TABLE domains (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	domain TEXT NOT NULL, 
	word TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	verified_at BIGINT, 
	CONSTRAINT pk_domains PRIMARY KEY (id), 
	CONSTRAINT fk_domains_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT uq_domains_account_id_domain UNIQUE (account_id, domain)
);
INSERT INTO "domains" VALUES(1,1,'domain 1','word 1',1,1);
INSERT INTO "domains" VALUES(2,2,'domain 2','word 2',2,2);
CREATE TABLE drafts (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	login_id INTEGER NOT NULL, 
	word TEXT NOT NULL, 
	fields TEXT NOT NULL, 
	changed_at BIGINT NOT NULL, 
	sent_at BIGINT, 
	CONSTRAINT pk_drafts PRIMARY KEY (id), 
	CONSTRAINT fk_drafts_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_drafts_login_id FOREIGN KEY(login_id) REFERENCES logins (id)
);
INSERT INTO "drafts" VALUES(1,1,1,'word 1','["p@dest.test", "Nom"]',1,1);
INSERT INTO "drafts" VALUES(2,2,2,'word 2','["p@dest.test", "Nom"]',2,2);
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
CREATE TABLE file_pieces (
	file_id INTEGER NOT NULL, 
	n INTEGER NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_file_pieces PRIMARY KEY (file_id, n), 
	CONSTRAINT fk_file_pieces_file_id FOREIGN KEY(file_id) REFERENCES files (id)
);
INSERT INTO "file_pieces" VALUES(1,1,X'01010101010101010101010101010101');
INSERT INTO "file_pieces" VALUES(2,2,X'02020202020202020202020202020202');
CREATE TABLE files (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	sha256 BLOB NOT NULL, 
	keep BIGINT NOT NULL, 
	CONSTRAINT pk_files PRIMARY KEY (id), 
	CONSTRAINT fk_files_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaigns (id), 
	CONSTRAINT uq_files_campaign_id_number UNIQUE (campaign_id, number)
);
INSERT INTO "files" VALUES(1,1,1,'Name 1',1,X'01010101010101010101010101010101',1);
INSERT INTO "files" VALUES(2,2,2,'Name 2',2,X'02020202020202020202020202020202',2);
CREATE TABLE forecasts (
	campaign_id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	ends_at BIGINT, 
	reason TEXT DEFAULT '' NOT NULL, 
	provider TEXT DEFAULT '' NOT NULL, 
	waiting INTEGER DEFAULT '0' NOT NULL, 
	remaining TEXT DEFAULT '{}' NOT NULL, 
	rates TEXT DEFAULT '{}' NOT NULL, 
	CONSTRAINT pk_forecasts PRIMARY KEY (campaign_id)
);
INSERT INTO "forecasts" VALUES(1,1,1,'reason 1','provider 1',1,'{}','{}');
INSERT INTO "forecasts" VALUES(2,2,2,'reason 2','provider 2',2,'{}','{}');
CREATE TABLE hits (
	id INTEGER NOT NULL, 
	recipient_id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	link SMALLINT NOT NULL, 
	agent TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	sure BOOLEAN NOT NULL, 
	CONSTRAINT pk_hits PRIMARY KEY (id)
);
INSERT INTO "hits" VALUES(1,1,1,1,'agent 1','reason 1',1);
INSERT INTO "hits" VALUES(2,2,2,2,'agent 2','reason 2',0);
CREATE TABLE hook_events (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	webhook_id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	recipient_id INTEGER NOT NULL, 
	kind SMALLINT NOT NULL, 
	at BIGINT NOT NULL, 
	detail TEXT NOT NULL, 
	queued_at BIGINT NOT NULL, 
	attempts SMALLINT DEFAULT '0' NOT NULL, 
	next_attempt_at BIGINT, 
	dead_at BIGINT, 
	error TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT fk_hook_events_webhook_id FOREIGN KEY(webhook_id) REFERENCES webhooks (id)
);
INSERT INTO "hook_events" VALUES(1,1,1,1,1,1,'{}',1,1,NULL,1,'error 1');
INSERT INTO "hook_events" VALUES(2,2,2,2,2,2,'{}',2,2,NULL,2,'error 2');
CREATE TABLE key_ids (
	purpose TEXT NOT NULL, 
	key_id INTEGER NOT NULL, 
	fingerprint BLOB NOT NULL, 
	CONSTRAINT pk_key_ids PRIMARY KEY (purpose, key_id)
);
INSERT INTO "key_ids" VALUES('purpose 1',1,X'01010101010101010101010101010101');
INSERT INTO "key_ids" VALUES('purpose 2',2,X'02020202020202020202020202020202');
CREATE TABLE known_addresses (
	account_id INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	at BIGINT NOT NULL, 
	CONSTRAINT pk_known_addresses PRIMARY KEY (account_id, digest), 
	CONSTRAINT fk_known_addresses_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);
INSERT INTO "known_addresses" VALUES(1,X'01010101010101010101010101010101',1);
INSERT INTO "known_addresses" VALUES(2,X'02020202020202020202020202020202',2);
CREATE TABLE last_opens (
	"key" BIGINT NOT NULL, 
	day INTEGER, 
	stopped BOOLEAN DEFAULT (false) NOT NULL, 
	CONSTRAINT pk_last_opens PRIMARY KEY ("key")
);
INSERT INTO "last_opens" VALUES(1,1,1);
INSERT INTO "last_opens" VALUES(2,2,0);
CREATE TABLE link_counts (
	campaign_id INTEGER NOT NULL, 
	link INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	n BIGINT NOT NULL, 
	CONSTRAINT pk_link_counts PRIMARY KEY (campaign_id, link, name), 
	CONSTRAINT fk_link_counts_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
INSERT INTO "link_counts" VALUES(1,1,'Name 1',1);
INSERT INTO "link_counts" VALUES(2,2,'Name 2',2);
CREATE TABLE logins (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	login TEXT NOT NULL, 
	password_hash TEXT NOT NULL, 
	role TEXT DEFAULT 'admin' NOT NULL, 
	created_at BIGINT NOT NULL, email TEXT DEFAULT '' NOT NULL, operator BOOLEAN DEFAULT (false) NOT NULL, locale TEXT DEFAULT '' NOT NULL, totp_serial INTEGER DEFAULT '0' NOT NULL, totp_at BIGINT, totp_step BIGINT DEFAULT '0' NOT NULL, seen_at BIGINT, 
	CONSTRAINT pk_logins PRIMARY KEY (id), 
	CONSTRAINT fk_logins_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT uq_logins_login UNIQUE (login)
);
INSERT INTO "logins" VALUES(1,1,'login 1','password_hash 1','admin',1,'email 1',1,'fr',1,1,1,1);
INSERT INTO "logins" VALUES(2,2,'login 2','password_hash 2','admin',2,'email 2',0,'fr',2,2,2,2);
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
CREATE TABLE password_letters (
	login_id INTEGER NOT NULL, 
	serial INTEGER NOT NULL, 
	invitation BOOLEAN NOT NULL, 
	asked_at BIGINT NOT NULL, 
	sent_at BIGINT, 
	used_at BIGINT, 
	CONSTRAINT pk_password_letters PRIMARY KEY (login_id), 
	CONSTRAINT fk_password_letters_login_id FOREIGN KEY(login_id) REFERENCES logins (id)
);
INSERT INTO "password_letters" VALUES(1,1,1,1,1,1);
INSERT INTO "password_letters" VALUES(2,2,0,2,2,2);
CREATE TABLE pauses (
	site TEXT NOT NULL, 
	source_id INTEGER NOT NULL, 
	provider TEXT DEFAULT '' NOT NULL, 
	since BIGINT NOT NULL, 
	until BIGINT NOT NULL, 
	reason TEXT NOT NULL, 
	reply TEXT DEFAULT '' NOT NULL, 
	kind TEXT DEFAULT 'pause' NOT NULL, 
	rate INTEGER, 
	rule TEXT DEFAULT '' NOT NULL, 
	told BOOLEAN NOT NULL, 
	CONSTRAINT pk_pauses PRIMARY KEY (site, source_id)
);
INSERT INTO "pauses" VALUES('site 1',1,'provider 1',1,1,'reason 1','reply 1','pause',1,'rule 1',1);
INSERT INTO "pauses" VALUES('site 2',2,'provider 2',2,2,'reason 2','reply 2','pause',2,'rule 2',0);
CREATE TABLE proof_rules (
	account_id INTEGER NOT NULL, 
	relaxed BOOLEAN DEFAULT (false) NOT NULL, 
	spf BOOLEAN DEFAULT (false) NOT NULL, 
	CONSTRAINT pk_proof_rules PRIMARY KEY (account_id), 
	CONSTRAINT fk_proof_rules_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);
INSERT INTO "proof_rules" VALUES(1,1,1);
INSERT INTO "proof_rules" VALUES(2,0,0);
CREATE TABLE proved_mails (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	"key" BLOB NOT NULL, 
	content BLOB NOT NULL, 
	at BIGINT NOT NULL, 
	times INTEGER DEFAULT '1' NOT NULL, 
	CONSTRAINT pk_proved_mails PRIMARY KEY (id), 
	CONSTRAINT uq_proved_mails_account_id_key UNIQUE (account_id, "key")
);
INSERT INTO "proved_mails" VALUES(1,1,X'01010101010101010101010101010101',X'01010101010101010101010101010101',1,1);
INSERT INTO "proved_mails" VALUES(2,2,X'02020202020202020202020202020202',X'02020202020202020202020202020202',2,2);
CREATE TABLE provider_days (
	campaign_id INTEGER NOT NULL, 
	provider TEXT NOT NULL, 
	day INTEGER NOT NULL, 
	delivered INTEGER DEFAULT '0' NOT NULL, 
	complained INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_provider_days PRIMARY KEY (campaign_id, provider, day)
);
INSERT INTO "provider_days" VALUES(1,'provider 1',1,1,1);
INSERT INTO "provider_days" VALUES(2,'provider 2',2,2,2);
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
	reply TEXT NOT NULL, claimed_day INTEGER, source_id INTEGER, 
	CONSTRAINT pk_recipients PRIMARY KEY (id), 
	CONSTRAINT fk_recipients_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
INSERT INTO "recipients" VALUES(1,1,1,0,'p1@dest.test','Name 1','["p@dest.test", "Nom"]',0,6,1,NULL,NULL,1,1,1,1,1,1,1,1,1,'reply 1',1,1);
INSERT INTO "recipients" VALUES(2,2,2,0,'p2@dest.test','Name 2','["p@dest.test", "Nom"]',0,6,2,NULL,NULL,2,2,2,2,2,2,2,2,2,'reply 2',2,2);
CREATE TABLE recovery_codes (
	id INTEGER NOT NULL, 
	login_id INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	used_at BIGINT, 
	CONSTRAINT pk_recovery_codes PRIMARY KEY (id), 
	CONSTRAINT fk_recovery_codes_login_id FOREIGN KEY(login_id) REFERENCES logins (id)
);
INSERT INTO "recovery_codes" VALUES(1,1,X'01010101010101010101010101010101',1);
INSERT INTO "recovery_codes" VALUES(2,2,X'02020202020202020202020202020202',2);
CREATE TABLE remnants (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	campaign_id INTEGER, 
	"key" BLOB NOT NULL, 
	CONSTRAINT pk_remnants PRIMARY KEY (id)
);
INSERT INTO "remnants" VALUES(1,1,1,X'01010101010101010101010101010101');
INSERT INTO "remnants" VALUES(2,2,2,X'02020202020202020202020202020202');
CREATE TABLE report_links (
	campaign_id INTEGER NOT NULL, 
	serial INTEGER NOT NULL, 
	token_hash BLOB NOT NULL, 
	address TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT, 
	revoked_at BIGINT, 
	CONSTRAINT pk_report_links PRIMARY KEY (campaign_id, serial), 
	CONSTRAINT fk_report_links_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaigns (id), 
	CONSTRAINT uq_report_links_token_hash UNIQUE (token_hash)
);
INSERT INTO "report_links" VALUES(1,1,X'01010101010101010101010101010101','p1@dest.test',1,1,1);
INSERT INTO "report_links" VALUES(2,2,X'02020202020202020202020202020202','p2@dest.test',2,2,2);
CREATE TABLE revisions (
	name TEXT NOT NULL, 
	n BIGINT NOT NULL, 
	CONSTRAINT pk_revisions PRIMARY KEY (name)
);
INSERT INTO "revisions" VALUES('Name 1',1);
INSERT INTO "revisions" VALUES('Name 2',2);
CREATE TABLE sender_letters (
	sender_id INTEGER NOT NULL, 
	serial INTEGER NOT NULL, 
	asked_at BIGINT NOT NULL, 
	refused_at BIGINT, 
	CONSTRAINT pk_sender_letters PRIMARY KEY (sender_id), 
	CONSTRAINT fk_sender_letters_sender_id FOREIGN KEY(sender_id) REFERENCES senders (id)
);
INSERT INTO "sender_letters" VALUES(1,1,1,1);
INSERT INTO "sender_letters" VALUES(2,2,2,2);
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
CREATE TABLE sessions (
	digest BLOB NOT NULL, 
	login_id INTEGER NOT NULL, 
	half BOOLEAN NOT NULL, 
	created_at BIGINT NOT NULL, 
	seen_at BIGINT NOT NULL, 
	CONSTRAINT pk_sessions PRIMARY KEY (digest), 
	CONSTRAINT fk_sessions_login_id FOREIGN KEY(login_id) REFERENCES logins (id)
);
INSERT INTO "sessions" VALUES(X'01010101010101010101010101010101',1,1,1,1);
INSERT INTO "sessions" VALUES(X'02020202020202020202020202020202',2,0,2,2);
CREATE TABLE source_days (
	source_id INTEGER NOT NULL, 
	day INTEGER NOT NULL, 
	provider TEXT NOT NULL, 
	claimed INTEGER DEFAULT '0' NOT NULL, 
	hour SMALLINT DEFAULT '0' NOT NULL, 
	hour_claimed INTEGER DEFAULT '0' NOT NULL, 
	accepted INTEGER DEFAULT '0' NOT NULL, 
	"deferred" INTEGER DEFAULT '0' NOT NULL, 
	refused INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_source_days PRIMARY KEY (source_id, day, provider)
);
INSERT INTO "source_days" VALUES(1,1,'provider 1',1,1,1,1,1,1);
INSERT INTO "source_days" VALUES(2,2,'provider 2',2,2,2,2,2,2);
CREATE TABLE sources (
	id INTEGER NOT NULL, 
	address TEXT NOT NULL, 
	helo TEXT DEFAULT '' NOT NULL, 
	pool TEXT DEFAULT 'shared' NOT NULL, 
	host TEXT DEFAULT '' NOT NULL, 
	state TEXT DEFAULT 'ready' NOT NULL, 
	step INTEGER DEFAULT '0' NOT NULL, 
	step_day INTEGER, 
	back_day INTEGER, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_sources PRIMARY KEY (id), 
	CONSTRAINT uq_sources_address UNIQUE (address)
);
INSERT INTO "sources" VALUES(1,'p1@dest.test','helo 1','pool 1','host 1','ready',1,1,1,1);
INSERT INTO "sources" VALUES(2,'p2@dest.test','helo 2','pool 2','host 2','ready',2,2,2,2);
CREATE TABLE strikes (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	"key" BLOB NOT NULL, 
	campaigns SMALLINT NOT NULL, 
	last_campaign_id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	late BOOLEAN NOT NULL, 
	CONSTRAINT pk_strikes PRIMARY KEY (id), 
	CONSTRAINT uq_strikes_account_id_key UNIQUE (account_id, "key")
);
INSERT INTO "strikes" VALUES(1,1,X'01010101010101010101010101010101',1,1,1,1);
INSERT INTO "strikes" VALUES(2,2,X'02020202020202020202020202020202',2,2,2,0);
CREATE TABLE sts_policies (
	domain TEXT NOT NULL, 
	policy_id TEXT NOT NULL, 
	policy TEXT NOT NULL, 
	fetched_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	CONSTRAINT pk_sts_policies PRIMARY KEY (domain)
);
INSERT INTO "sts_policies" VALUES('domain 1','policy_id 1','policy 1',1,1);
INSERT INTO "sts_policies" VALUES('domain 2','policy_id 2','policy 2',2,2);
CREATE TABLE submissions (
	id TEXT NOT NULL, 
	account_id INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	campaign_id INTEGER, 
	refused TEXT, 
	CONSTRAINT pk_submissions PRIMARY KEY (id), 
	CONSTRAINT fk_submissions_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_submissions_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
INSERT INTO "submissions" VALUES('id 1',1,1,1,'refused 1');
INSERT INTO "submissions" VALUES('id 2',2,2,2,'refused 2');
CREATE TABLE suppressions (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	"key" BLOB NOT NULL, 
	address TEXT, 
	reason TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	campaign_id INTEGER, expires_at BIGINT, 
	CONSTRAINT pk_suppressions PRIMARY KEY (id), 
	CONSTRAINT uq_suppressions_account_id_key UNIQUE (account_id, "key")
);
INSERT INTO "suppressions" VALUES(1,1,X'01010101010101010101010101010101','p1@dest.test','manual',1,1,1);
INSERT INTO "suppressions" VALUES(2,2,X'02020202020202020202020202020202','p2@dest.test','manual',2,2,2);
CREATE TABLE talks (
	campaign_id INTEGER NOT NULL, 
	author TEXT NOT NULL, 
	notify TEXT DEFAULT '[]' NOT NULL, 
	serial INTEGER DEFAULT '1' NOT NULL, 
	told INTEGER DEFAULT '1' NOT NULL, 
	decided TEXT DEFAULT '' NOT NULL, 
	decided_at BIGINT, 
	waiting INTEGER DEFAULT '0' NOT NULL, 
	reported_at BIGINT, 
	asked_at BIGINT, 
	CONSTRAINT pk_talks PRIMARY KEY (campaign_id), 
	CONSTRAINT fk_talks_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
INSERT INTO "talks" VALUES(1,'author 1','notify 1',1,1,'decided 1',1,1,1,1);
INSERT INTO "talks" VALUES(2,'author 2','notify 2',2,2,'decided 2',2,2,2,2);
CREATE TABLE tallies (
	campaign_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	n BIGINT NOT NULL, 
	CONSTRAINT pk_tallies PRIMARY KEY (campaign_id, name), 
	CONSTRAINT fk_tallies_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
INSERT INTO "tallies" VALUES(1,'status:6',1);
INSERT INTO "tallies" VALUES(2,'status:6',1);
CREATE TABLE throttles (
	"key" TEXT NOT NULL, 
	due_at BIGINT NOT NULL, 
	CONSTRAINT pk_throttles PRIMARY KEY ("key")
);
INSERT INTO "throttles" VALUES('key 1',1);
INSERT INTO "throttles" VALUES('key 2',2);
CREATE TABLE tls_reports (
	day INTEGER NOT NULL, 
	domain TEXT NOT NULL, 
	sent_at BIGINT, 
	tried_at BIGINT, 
	tries SMALLINT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_tls_reports PRIMARY KEY (day, domain)
);
INSERT INTO "tls_reports" VALUES(1,'domain 1',1,1,1);
INSERT INTO "tls_reports" VALUES(2,'domain 2',2,2,2);
CREATE TABLE tls_results (
	day INTEGER NOT NULL, 
	domain TEXT NOT NULL, 
	policy TEXT NOT NULL, 
	mx TEXT NOT NULL, 
	result TEXT NOT NULL, 
	source TEXT NOT NULL, 
	ip TEXT NOT NULL, 
	n INTEGER NOT NULL, 
	detail TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_tls_results PRIMARY KEY (day, domain, policy, mx, result, source, ip)
);
INSERT INTO "tls_results" VALUES(1,'domain 1','policy 1','mx 1','result 1','source 1','ip 1',1,'{}');
INSERT INTO "tls_results" VALUES(2,'domain 2','policy 2','mx 2','result 2','source 2','ip 2',2,'{}');
CREATE TABLE webhooks (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	account_id INTEGER NOT NULL, 
	url TEXT NOT NULL, 
	mask BIGINT NOT NULL, 
	batch INTEGER DEFAULT '1' NOT NULL, 
	label TEXT DEFAULT '' NOT NULL, 
	serial INTEGER DEFAULT '0' NOT NULL, 
	old_until BIGINT, 
	created_at BIGINT NOT NULL, 
	taken_at BIGINT, 
	taken BIGINT DEFAULT '0' NOT NULL, 
	failing_since BIGINT, 
	failures INTEGER DEFAULT '0' NOT NULL, 
	again_at BIGINT, 
	last_error TEXT DEFAULT '' NOT NULL, 
	disabled_at BIGINT, 
	disabled_why TEXT DEFAULT '' NOT NULL, 
	told_at BIGINT, 
	CONSTRAINT fk_webhooks_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);
INSERT INTO "webhooks" VALUES(1,1,'url 1',1,1,'label 1',1,1,1,1,1,1,1,1,'last_error 1',1,'disabled_why 1',1);
INSERT INTO "webhooks" VALUES(2,2,'url 2',2,2,'label 2',2,2,2,2,2,2,2,2,'last_error 2',2,'disabled_why 2',2);
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
CREATE INDEX ix_suppressions_expires_at ON suppressions (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX ix_proved_mails_at ON proved_mails (at);
CREATE UNIQUE INDEX uq_domains_verified ON domains (domain) WHERE verified_at IS NOT NULL;
CREATE INDEX ix_talks_reported_at ON talks (reported_at);
CREATE INDEX ix_consents_account_id_key ON consents (account_id, "key");
CREATE INDEX ix_consents_refused ON consents (account_id) WHERE NOT agreed;
CREATE INDEX ix_remnants_campaign_id ON remnants (campaign_id);
CREATE INDEX ix_hits_recipient_id ON hits (recipient_id);
CREATE INDEX ix_sessions_login_id ON sessions (login_id);
CREATE INDEX ix_sessions_seen_at ON sessions (seen_at);
CREATE INDEX ix_recovery_codes_login_id ON recovery_codes (login_id);
CREATE INDEX ix_app_passwords_login_id ON app_passwords (login_id);
CREATE INDEX ix_api_keys_account_id ON api_keys (account_id);
CREATE INDEX ix_api_requests_created_at ON api_requests (created_at);
CREATE INDEX ix_submissions_created_at ON submissions (created_at);
CREATE INDEX ix_actions_campaign_id ON actions (campaign_id);
CREATE INDEX ix_actions_open ON actions (stage) WHERE stage IN ('asked', 'ready');
CREATE INDEX ix_drafts_login_id ON drafts (login_id);
CREATE INDEX ix_drafts_changed_at ON drafts (changed_at);
CREATE INDEX ix_webhooks_account_id ON webhooks (account_id);
CREATE INDEX ix_hook_events_order ON hook_events (webhook_id, recipient_id, id);
CREATE INDEX ix_hook_events_due ON hook_events (webhook_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX ix_hook_events_recipient_id ON hook_events (recipient_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('webhooks',2);
INSERT INTO "sqlite_sequence" VALUES('hook_events',2);
COMMIT;
