-- MySQL dump 10.19  Distrib 10.3.39-MariaDB, for debian-linux-gnu (x86_64)
CREATE TABLE `cdr` (
  `accountcode` varchar(80) DEFAULT NULL,
  `src` varchar(80) DEFAULT NULL,
  `dst` varchar(80) DEFAULT NULL,
  `dcontext` varchar(80) DEFAULT NULL,
  `clid` varchar(80) DEFAULT NULL,
  `channel` varchar(80) DEFAULT NULL,
  `dstchannel` varchar(80) DEFAULT NULL,
  `lastapp` varchar(80) DEFAULT NULL,
  `lastdata` varchar(80) DEFAULT NULL,
  `start` datetime DEFAULT NULL,
  `answer` datetime DEFAULT NULL,
  `end` datetime DEFAULT NULL,
  `duration` int(11) DEFAULT NULL,
  `billsec` int(11) DEFAULT NULL,
  `disposition` varchar(45) DEFAULT NULL,
  `amaflags` varchar(45) DEFAULT NULL,
  `userfield` varchar(256) DEFAULT NULL,
  `uniqueid` varchar(150) DEFAULT NULL,
  `linkedid` varchar(150) DEFAULT NULL,
  `peeraccount` varchar(80) DEFAULT NULL,
  `sequence` int(11) DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `cdr` VALUES ('','48600100200','101','from-trunk','\"Jan Nowak\" <48600100200>','PJSIP/carrier-00000010','PJSIP/101-00000011','Dial','PJSIP/101,30','2026-03-02 09:00:05','2026-03-02 09:00:20','2026-03-02 09:01:20',75,60,'ANSWERED','DOCUMENTATION','','1772438405.10','1772438405.10','',7),('','48600100201','102','from-trunk','<48600100201>','PJSIP/carrier-00000012','PJSIP/102-00000013','Dial','PJSIP/102,30','2026-03-02 09:10:00',NULL,'2026-03-02 09:10:20',20,0,'NO ANSWER','DOCUMENTATION','','1772439000.12','1772439000.12','',8);
