"""Tiny exports of three CRM systems, written by hand; the people in them are invented."""

from __future__ import annotations

from pathlib import Path

HUBSPOT = {
    # 7 and 8 were merged into 1; 3 is deleted
    "hubspot_contact_data.csv": """\ufeffid,_fivetran_deleted,property_createdate,property_associatedcompanyid,property_hubspot_owner_id,property_hubspotscore,property_hs_analytics_source,property_country,property_industry,property_hs_lead_status,property_company,property_firstname,property_lastname,property_email,property_hs_merged_object_ids,property_favourite_colour
1,FALSE,2026-01-01 9:00:00,10,501,40,PAID_SEARCH,,,OPEN,,Ada,Example,ada@example.com,7;8,red
2,FALSE,2026-01-03 10:00:00,,502,,ORGANIC,France,,,,Ben,Example,ben@example.com,,blue
3,TRUE,2026-01-04 11:00:00,,,,ORGANIC,France,,,,Cy,Example,cy@example.com,,
""",
    "COMPANY.csv": "id,property_name,property_country,property_industry\n10,Example Toys,Spain,TOYS\n",
    "owner.csv": "owner_id,email,first_name,last_name\n501,rita@example.com,Rita,Rep\n502,sam@example.com,,\n",
    # the second row of contact 1 says again what the first said; the stage of contact 2 was cleared in between
    "contact_property_history.csv": """contact_id,timestamp,source,name,value
1,2026-01-05 08:00:00,WORKFLOW,lifecyclestage,marketingqualifiedlead
1,2026-01-02 08:00:00,CONTACTS,lifecyclestage,lead
1,2026-01-01 9:00:00,CONTACTS,lifecyclestage,lead
1,2026-01-09 08:00:00,CRM_UI,lifecyclestage,salesqualifiedlead
1,2026-01-10 08:00:00,CRM_UI,lifecyclestage,opportunity
1,2026-01-20 08:00:00,DEALS,lifecyclestage,customer
1,2026-01-01 9:00:00,ANALYTICS,hs_analytics_source,ORGANIC
1,2026-01-02 9:00:00,ANALYTICS,hs_analytics_source,PAID_SEARCH
1,2026-01-03 9:00:00,ANALYTICS,hs_analytics_source,PAID_SEARCH
1,2026-01-03 9:00:00,CRM_UI,hs_lead_status,OPEN
1,2026-01-03 9:00:00,CRM_UI,favourite_colour,red
2,2026-01-03 10:00:00,CONTACTS,lifecyclestage,lead
2,2026-01-04 10:00:00,CRM_UI,lifecyclestage,
2,2026-01-06 10:00:00,CRM_UI,lifecyclestage,marketingqualifiedlead
7,2025-12-30 10:00:00,CONTACTS,lifecyclestage,subscriber
""",
    "contact_merge_audit.csv": "canonical_vid,contact_id,vid_to_merge\n2,2,9\n",
    "engagement.csv": "id,type\n900,CALL\n901,EMAIL\n902,EMAIL\n903,MEETING\n904,NOTE\n905,TASK\n906,CALL\n",
    "engagement_contact.csv": """contact_id,engagement_id,engagement_type
1,900,CALL
2,900,CALL
1,901,EMAIL
1,902,EMAIL
2,903,MEETING
2,904,NOTE
2,905,TASK
1,906,CALL
1,907,FAX
""",
    "engagement_call.csv": """engagement_id,_fivetran_deleted,property_hs_timestamp,property_hubspot_owner_id
900,false,2026-01-05 09:00:00,501
906,true,2026-01-06 09:00:00,501
""",
    "engagement_email.csv": """engagement_id,_fivetran_deleted,property_hs_timestamp,property_hs_email_direction,property_hubspot_owner_id
901,false,2026-01-05 10:00:00,EMAIL,502
902,false,2026-01-05 11:00:00,INCOMING_EMAIL,
""",
    "engagement_meeting.csv": "engagement_id,start_time\n903,2026-01-07 9:30:00\n",
    "engagement_note.csv": "engagement_id,property_hs_timestamp\n904,2026-01-07 12:00:00\n",
    "engagement_task.csv": """engagement_id,property_hs_timestamp,property_hs_task_completion_date
905,2026-01-09 12:00:00,2026-01-08 12:00:00
""",
    "engagement_communication.csv": "engagement_id,property_hs_timestamp\n",
    # 102 is deleted, 103 was merged into 100, 101 is open, whatever its close date says
    "deal.csv": """deal_id,is_deleted,deal_pipeline_stage_id,owner_id,property_amount,property_closedate,property_createdate
100,false,closedwon,501,1200.50,2026-01-20 08:00:00,2026-01-10 08:00:00
101,false,qualified,,300,2026-06-30 00:00:00,2026-01-11 08:00:00
102,true,qualified,501,10,,2026-01-12 08:00:00
103,false,qualified,501,20,,2026-01-13 08:00:00
104,false,closedlost,502,70,2026-01-25 08:00:00,2026-01-14 08:00:00
""",
    "merged_deal.csv": "deal_id,merged_deal_id\n100,103\n",
    "deal_pipeline_stage.csv": """stage_id,label,is_closed,closed_won
qualified,Qualified,FALSE,FALSE
closedwon,Closed won,TRUE,TRUE
closedlost,Closed lost,TRUE,FALSE
""",
    "deal_contact.csv": "contact_id,deal_id\n1,100\n2,100\n2,101\n",
    "deal_company.csv": "company_id,deal_id\n10,104\n10,100\n",
    "deal_stage.csv": """_fivetran_start,deal_id,_fivetran_active,_fivetran_end,date_entered,value
2026-01-10 8:00:00,100,FALSE,2026-01-15 08:00:00,2026-01-10 8:00:00,qualified
2026-01-15 8:00:00,100,FALSE,2026-01-20 08:00:00,2026-01-15 8:00:00,qualified
2026-01-20 8:00:00,100,TRUE,2050-01-01 00:00:00,2026-01-20 8:00:00,closedwon
2026-01-11 8:00:00,101,TRUE,9999-12-31 23:59:59,2026-01-11 8:00:00,qualified
2026-01-12 8:00:00,102,TRUE,9999-12-31 23:59:59,2026-01-12 8:00:00,qualified
2026-01-13 8:00:00,103,TRUE,9999-12-31 23:59:59,2026-01-13 8:00:00,qualified
2026-01-14 8:00:00,104,FALSE,2026-01-25 08:00:00,2026-01-14 8:00:00,qualified
2026-01-25 8:00:00,104,TRUE,9999-12-31 23:59:59,2026-01-25 8:00:00,archived
""",
}

SALESFORCE = {
    # L1 became C1; L2 was merged into L3; L4 is deleted
    "sf_lead_data.csv": """id,is_deleted,converted_contact_id,converted_opportunity_id,master_record_id,created_date,owner_id,lead_source,country,industry,company,first_name,last_name,email
L1,FALSE,C1,O1,,2026-01-01 9:00:00,U1,Web,Spain,Toys,Example Toys,Ada,Example,ada@example.com
L2,TRUE,,,L3,2026-01-02 9:00:00,U1,Web,Spain,,,Ben,Example,ben@example.com
L3,FALSE,,,,2026-01-02 10:00:00,U9,Fair,France,Food,Example Food,Ben,Example,ben@example.com
L4,TRUE,,,,2026-01-03 9:00:00,U1,Web,Spain,,,Cy,Example,cy@example.com
""",
    "sf_contact_data.csv": """id,is_deleted,account_id,master_record_id,created_date,owner_id,lead_source,mailing_country,first_name,last_name,email,bank_account_c
C1,false,A1,,2026-01-08 9:00:00,U1,Web,,Ada,Example,ada@example.com,123
C2,false,A1,,2026-01-09 9:00:00,U1,Fair,Italy,Dee,Example,dee@example.com,456
C3,true,A1,C2,2026-01-09 9:00:00,U1,Fair,Italy,Dee,Example,dee@example.com,456
""",
    "sf_account_data.csv": "id,name,industry,billing_country\nA1,Example Toys,Toys,Portugal\n",
    "sf_user_data.csv": "id,name\nU1,Rita Rep\n",
    "sf_lead_history_data.csv": """id,lead_id,field,old_value,new_value,created_date,created_by_id,is_deleted
H1,L1,Status,Open - Not Contacted,Working - Contacted,2026-01-05 9:00:00,U1,FALSE
H2,L1,Owner,U2,U1,2026-01-05 10:00:00,U1,FALSE
H3,L1,Status,Working - Contacted,Closed - Converted,2026-01-08 9:00:00,U1,FALSE
H4,L3,Status,Open - Not Contacted,MQL,2026-01-06 9:00:00,U9,FALSE
H5,L3,Status,MQL,Closed - Not Converted,2026-01-07 9:00:00,U9,FALSE
H6,L3,Status,,,2026-01-07 9:00:00,U9,FALSE
""",
    "sf_contact_history_data.csv": """id,_fivetran_start,_fivetran_end,_fivetran_active,is_deleted,lead_source,mailing_country
C2,2026-01-09 09:00:00,2026-01-12 08:59:59,false,false,Web,Italy
C2,2026-01-12 09:00:00,9999-12-31 23:59:59,true,false,Fair,Italy
""",
    # O2's contact is only known by its role; O3 is deleted; O4 has no contact at all
    "sf_opportunity_data.csv": """id,is_deleted,account_id,amount,close_date,created_date,is_closed,is_won,stage_name,owner_id
O1,false,A1,1000,2026-01-31 00:00:00,2026-01-08 09:00:00,true,true,Closed Won,U1
O2,false,A1,2000,2026-12-31 00:00:00,2026-01-10 09:00:00,false,false,Proposal,U1
O3,true,A1,3000,2026-01-31 00:00:00,2026-01-11 09:00:00,true,true,Closed Won,U1
O4,false,A1,4000,2026-01-30 00:00:00,2026-01-11 09:00:00,true,false,Closed Lost,U9
""",
    "sf_opportunity_contact_role_data.csv": """id,opportunity_id,contact_id,is_deleted
R1,O2,C1,true
R2,O2,C2,false
""",
    "sf_opportunity_history_data.csv": """id,_fivetran_start,_fivetran_end,_fivetran_active,is_deleted,is_closed,is_won,stage_name,amount
O1,2026-01-08 09:00:00,2026-01-20 08:59:59,false,false,false,false,Prospecting,1000
O1,2026-01-20 09:00:00,2026-01-25 08:59:59,false,false,false,false,Prospecting,1100
O1,2026-01-25 09:00:00,2026-01-30 08:59:59,false,false,false,false,Proposal,1100
O1,2026-01-30 09:00:00,9999-12-31 23:59:59,true,false,true,true,Closed Won,1000
O2,2026-01-10 09:00:00,9999-12-31 23:59:59,true,false,false,false,Proposal,2000
O3,2026-01-11 09:00:00,9999-12-31 23:59:59,true,false,true,true,Closed Won,3000
O4,2026-01-11 09:00:00,9999-12-31 23:59:59,true,false,true,false,Closed Lost,4000
""",
    "sf_task_data.csv": """id,who_id,is_deleted,is_closed,task_subtype,type,completed_date_time,activity_date,created_date,owner_id
T1,L1,FALSE,TRUE,Call,Call,2026-01-02 9:00:00,2026-01-02 00:00:00,2026-01-01 9:00:00,U1
T2,L1,FALSE,FALSE,Task,Call,,2026-02-02 00:00:00,2026-01-01 9:00:00,U1
T3,C2,FALSE,TRUE,Task,Email,,2026-01-11 00:00:00,2026-01-10 9:00:00,U9
T4,,FALSE,TRUE,Email,Email,2026-01-11 9:00:00,,2026-01-10 9:00:00,U1
T5,C2,TRUE,TRUE,Email,Email,2026-01-12 9:00:00,,2026-01-10 9:00:00,U1
T6,C2,FALSE,TRUE,Task,Other,2026-01-13 9:00:00,,2026-01-10 9:00:00,U1
""",
    "sf_event_data.csv": """id,who_id,is_deleted,is_child,type,start_date_time,activity_date,owner_id
E1,C2,FALSE,FALSE,Meeting,2026-01-12 15:00:00,2026-01-12 00:00:00,U1
E2,C2,FALSE,TRUE,Meeting,2026-01-12 15:00:00,2026-01-12 00:00:00,U9
E3,C1,FALSE,FALSE,Call,2026-01-14 15:00:00,2026-01-14 00:00:00,U1
""",
    "sf_order_data.csv": """id,is_deleted,account_id,activated_date,effective_date,created_date,status_code,total_amount
B1,FALSE,A1,2026-02-01 9:00:00,2026-02-01 00:00:00,2026-01-31 9:00:00,Activated,990.10
B2,FALSE,A1,,2026-02-02 00:00:00,2026-02-01 9:00:00,Draft,10
""",
}

MARKETO = {
    # 4 was deleted; 5 and 6 were merged into 1
    "marketo_lead_data.csv": """id,created_at,updated_at,email,first_name,last_name,lead_source,lead_score,company,country,industry,contact_company
1,2026-01-01 9:00:00,2026-01-02 00:00:00.000,ada@example.com,Ada,Example,Web,55,Example Toys,Spain,Toys,77
2,2026-01-02 9:00:00,2026-01-02 00:00:00.000,ben@example.com,Ben,Example,Fair,5,,France,,
4,2026-01-03 9:00:00,2026-01-02 00:00:00.000,cy@example.com,Cy,Example,Fair,,,,,
""",
    "marketo_activity_delete_lead_data.csv": "id,activity_date,lead_id\n90,2026-01-09 09:00:00,4\n",
    "marketo_activity_merge_leads_data.csv": "id,activity_date,lead_id,merge_ids\n91,2026-01-09 10:00:00,1,\"[5, 6]\"\n",
    "marketo_activity_change_data_value_data.csv": """activity_date,id,lead_id,primary_attribute_value,old_value,new_value,reason
2026-01-01 9:00:00,1,1,Lifecycle Stage,,Lead,created
2026-01-02 9:00:00,2,1,Lifecycle Stage,Lead,Lead,sync
2026-01-03 9:00:00,3,1,Lifecycle Stage,Lead,MQL,score
2026-01-03 9:30:00,4,1,Demographic Score,10,20,score
2026-01-04 9:00:00,5,2,Lead Status,,Lead,created
2026-01-04 9:30:00,6,2,Lead Source,Web,Fair,list
2026-01-05 9:00:00,7,4,Lifecycle Stage,,Lead,created
2026-01-05 9:00:00,8,5,Lifecycle Stage,Lead,SQL,call
""",
    "marketo_activity_send_email_data.csv": """id,activity_date,lead_id,action_result
21,2026-01-02 9:00:00,1,succeeded
22,2026-01-02 9:00:00,2,skipped
""",
    "marketo_activity_open_email_data.csv": "id,activity_date,lead_id\n31,2026-01-02 10:00:00,1\n32,2026-01-02 10:00:00,1\n",
    "marketo_activity_click_email_data.csv": "id,activity_date,lead_id\n41,2026-01-02 10:01:00,1\n",
    "marketo_activity_unsubscribe_email_data.csv": "id,activity_date,lead_id\n51,2026-01-02 10:02:00,2\n",
}

EXPORTS = {"hubspot": HUBSPOT, "salesforce": SALESFORCE, "marketo": MARKETO}


def write(system: str, folder: Path, *without: str) -> Path:
    """The export of a system as files in a folder, all but those `without`."""
    folder.mkdir(exist_ok=True)
    for name, text in EXPORTS[system].items():
        if name not in without:
            (folder / name).write_text(text, encoding="utf-8")
    return folder
