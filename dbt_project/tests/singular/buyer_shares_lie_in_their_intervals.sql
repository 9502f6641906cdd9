-- Every interval of the buyers report holds its estimate.

select *
from {{ ref('rpt_buyers_vs_non_buyers') }}
where
    not (buyer_share between buyer_share_low and buyer_share_high)
    or not (non_buyer_share between non_buyer_share_low and non_buyer_share_high)
    or not (difference between difference_low and difference_high)
