-- Functions that mapping expressions may use, beside everything DuckDB has.

-- Value of a GA4 parameter, whatever type it was sent with: names and values are two lists of the same order.
create macro ga4_names(params) as (list_transform(params, lambda p: p.key));

create macro ga4_values(params) as (
    list_transform(params, lambda p: coalesce(
        p.value.string_value, p.value.int_value::varchar, p.value.double_value::varchar, p.value.float_value::varchar
    ))
);

create macro ga4_param(names, texts, name) as (texts[list_position(names, name)]);

-- Parameters that no column has, as a JSON object.
create macro ga4_rest(names, texts, known) as (
    '{' || nullif(array_to_string(list_filter(
        list_transform(names, lambda name, place: case
            when texts[place] is not null and not list_contains(known, name)
                then to_json(name)::varchar || ':' || to_json(texts[place])::varchar
        end),
        lambda pair: pair is not null
    ), ','), '') || '}'
);

create macro url_path(url) as (regexp_extract(url, '^(?:[a-zA-Z]+://[^/?#]*)?([^?#]*)', 1));

create macro url_param(url, name) as (
    case when contains(url, '?')
        then nullif(url_decode(replace(regexp_extract(url, '[?&]' || name || '=([^&#]*)', 1), '+', ' ')), '')
    end
);

create macro html_text(html) as (
    trim(regexp_replace(
        replace(replace(replace(replace(replace(replace(
            regexp_replace(regexp_replace(html, '<(br|/p)[^>]*>', ' ', 'gi'), '<[^>]*>', '', 'g'),
            '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&#39;', ''''), '&nbsp;', ' '), '&amp;', '&'),
        '\s+', ' ', 'g'
    ))
);

-- E-mail addresses, also percent-encoded ones in addresses of pages.
create macro scrub_email(x) as (
    case
        when contains(x, '@') or contains(x, '%40')
            then regexp_replace(x, '[^\s@<>"''(),;:=&?/]+(@|%40)[\pL\d-]+(\.[\pL\d-]+)+', '[e-mail]', 'g')
        else x
    end
);

create macro scrub_phone(x) as (
    regexp_replace(x, '(\+|\b00)\d[\d ()/.-]{6,}\d|\b0\d{2,5}[ /-]?\d[\d /-]{4,}\d\b', '[phone]', 'g')
);

-- Free text: e-mail addresses, telephone numbers and @handles, local (@name) or federated (@name@server).
create macro scrub_text(x) as (
    scrub_phone(scrub_email(case
        when contains(x, '@')
            then regexp_replace(x, '(^|[^\pL\d.+-])@[\pL\d_]+([.-][\pL\d_]+)*(@[\pL\d]+([.-][\pL\d]+)*)?', '\1[handle]', 'g')
        else x
    end))
);

-- GA4 writes these where nothing was given.
create macro ga4_given(x) as (
    case when x not in ('(direct)', '(none)', '(not set)', '(not provided)') then x end
);

-- Page types of web shops by the words in the path of their addresses, German and English. `deep` is the first word
-- that says more than the first folder does, `folder` is that folder; override page_type where your shop differs.
-- A language may stand before it; not any two letters do, /lp/ is a landing page.
create macro shop_page_folder(path) as (
    regexp_extract(
        lower(path), '^/(?:(?:de|at|ch|en|uk|us|fr|it|es|pt|nl|be|pl|cs|da|sv|fi|no)(?:-[a-z]{2})?(?:/|$))?([^/.]*)', 1
    )
);

create macro shop_page_deep(path) as (
    regexp_extract(
        lower(path),
        '/(bewertungen|reviews?|confirmation|danke|thank-?you|order-received|bestellbestaetigung|returns?|retouren?'
        || '|ruecksendung|orders?|bestellungen|tracking|sendungsverfolgung)(?:/|$)', 1
    )
);

create macro shop_page_type(folder, deep) as (
    case
        when folder is null then null
        when deep in ('bewertungen', 'review', 'reviews') then 'review'
        when deep in ('confirmation', 'danke', 'thankyou', 'thank-you', 'order-received', 'bestellbestaetigung')
            then 'confirmation'
        when deep in ('return', 'returns', 'retoure', 'retouren', 'ruecksendung') then 'returns'
        when deep <> '' then 'order_status'
        when folder in ('p', 'product', 'products', 'produkt', 'produkte', 'artikel', 'dp', 'item') then 'product'
        when folder in ('c', 'category', 'categories', 'kategorie', 'kategorien', 'collection', 'collections') then 'list'
        when folder in ('', 'index', 'home') then 'home'
        when folder in ('search', 'suche') then 'search'
        when folder in ('cart', 'basket', 'warenkorb') then 'basket'
        when folder in ('checkout', 'kasse') then 'checkout'
        when folder in ('account', 'konto', 'login', 'mein-konto', 'my-account') then 'account'
        when folder in ('compare', 'vergleich') then 'compare'
        when folder in ('wishlist', 'merkliste', 'wunschliste') then 'wishlist'
        when folder in ('store', 'stores', 'filiale', 'filialen', 'store-locator', 'maerkte') then 'store_locator'
        when folder = 'chat' then 'chat'
        when folder in ('lp', 'landing', 'aktion', 'promo') then 'landing'
        when folder in ('magazin', 'magazine', 'blog', 'ratgeber', 'content') then 'content'
        when folder in ('fehler', 'error', '404', '500') then 'error'
        else 'other'
    end
);

create macro browser_class(browser) as (
    case
        when nullif(browser, '') is null then 'unknown'
        when regexp_matches(
            lower(browser), 'bot|crawl|spider|slurp|headless|phantom|lighthouse|curl|wget|python|java/|monitor|preview'
        ) then 'bot'
        else 'human'
    end
);

create macro country_code(country) as (
    case country
        when 'Germany' then 'DE' when 'Deutschland' then 'DE' when 'Austria' then 'AT' when 'Österreich' then 'AT'
        when 'Switzerland' then 'CH' when 'Schweiz' then 'CH' when 'Liechtenstein' then 'LI' when 'Luxembourg' then 'LU'
        when 'France' then 'FR' when 'Netherlands' then 'NL' when 'Belgium' then 'BE' when 'Italy' then 'IT'
        when 'Poland' then 'PL' when 'Czechia' then 'CZ' when 'Denmark' then 'DK' when 'United Kingdom' then 'GB'
        when 'United States' then 'US' else country
    end
);
